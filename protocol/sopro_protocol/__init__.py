"""Bytes in, values out: the SoPro federation's formats, proofs and signatures, without I/O."""
