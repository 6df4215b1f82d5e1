"""What we know of a lead's role and company, in codes: `coding` turns what senders say into `vocabulary`, and no more."""
