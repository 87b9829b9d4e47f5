"""What is said: the messages, envelopes and topology that gateway and workers share."""
