"""One Keepa key, several producers: which of them may spend its tokens now."""
