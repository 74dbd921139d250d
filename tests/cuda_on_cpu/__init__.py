"""The CUDA backend without a GPU: its kernels compiled for the host (cuda.h), and what stands in for CuPy."""
