"""From a source to the store: producer, import, consumer, replay."""
