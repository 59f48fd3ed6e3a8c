"""Tables that Keepa's site exports, in whatever file, language and notation."""
