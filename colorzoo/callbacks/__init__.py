"""Lightning callbacks: fine-tuning, schedule by plateau, image grid, predictions."""
