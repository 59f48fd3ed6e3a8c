"""Amazon's fees: dated tables, referral and fulfilment."""
