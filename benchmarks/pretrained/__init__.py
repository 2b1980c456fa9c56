"""What the two papers claim of treatments, tried once on a pretrained model of 270M parameters."""
