"""Where the API meets its callers: who may ask and how often, streams of events, exports, the log of requests."""
