"""By which road a touchpoint came: campaign parameters, click ids and referrers become a channel and a campaign."""
