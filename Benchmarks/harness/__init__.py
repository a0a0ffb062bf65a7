"""What all measures share: the machine, texts, models, running and taking turns, results."""
