"""One page for those who look rather than ask: funnel, roads, leads and why, and whether stream and tables agree."""
