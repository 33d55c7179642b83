"""The dock "LBN training": fine-tune on one's own series and watch it work."""
