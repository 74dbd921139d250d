"""The speaker encoder (ECAPA-TDNN): a recording at 24 kHz -> one vector as wide as the talker.

Everything is over the whole recording, channels first. Convolutions keep the length: their input is mirrored at
both ends.
"""

from __future__ import annotations

import numpy as np

from ..codec import take
from ..parts import conv1d, softmax

FFT, HOP, BANDS, RATE = 1024, 256, 128, 24000


class SpeakerEncoder:
    """`config` is the model's speaker_encoder_config; `weights` the tensors without `speaker_encoder.`."""

    def __init__(self, config, weights, dtype=np.float64):
        self.config, self.dtype = config, dtype
        names = {name.rpartition(".")[0] for name in weights}
        self.layers = {name: take(weights, name, dtype) for name in names}

    def embed(self, samples):
        """Samples (n,) -> the speaker's vector (enc_dim,)."""
        return self.encode(mel_spectrogram(np.asarray(samples, self.dtype)))

    def encode(self, mel):
        """A mel spectrogram (bands, T) -> the speaker's vector (enc_dim,)."""
        config = self.config
        x = relu(self._conv("blocks.0.conv", mel, config.enc_dilations[0]))
        outputs = []
        for i in range(1, len(config.enc_channels) - 1):
            x = x + self._block(f"blocks.{i}.", x, config.enc_dilations[i])
            outputs.append(x)
        x = relu(self._conv("mfa.conv", np.concatenate(outputs), config.enc_dilations[-1]))
        return self._conv("fc", self._pool(x)[:, None])[:, 0]

    def _block(self, name, x, dilation):
        """Res2Net between two 1x1 layers, then each channel times what its mean over time says."""
        x = relu(self._conv(name + "tdnn1.conv", x))
        pieces = np.split(x, self.config.enc_res2net_scale)
        done = pieces[:1]
        for j, piece in enumerate(pieces[1:]):
            h = piece if j == 0 else piece + done[-1]
            done.append(relu(self._conv(f"{name}res2net_block.blocks.{j}.conv", h, dilation)))
        x = relu(self._conv(name + "tdnn2.conv", np.concatenate(done)))
        gate = relu(self._conv(name + "se_block.conv1", x.mean(axis=1, keepdims=True)))
        gate = self._conv(name + "se_block.conv2", gate)
        return x / (1 + np.exp(-gate))

    def _pool(self, x):
        """(channels, T) -> mean and deviation over time (2 channels,), weighted by attention for each channel."""
        n = x.shape[1]
        mean, deviation = statistics(x, np.full((1, n), 1 / n, x.dtype))
        h = np.concatenate([x, *(np.repeat(v[:, None], n, axis=1) for v in (mean, deviation))])
        h = np.tanh(relu(self._conv("asp.tdnn.conv", h)))
        return np.concatenate(statistics(x, softmax(self._conv("asp.conv", h))))

    def _conv(self, name, x, dilation=1):
        weight, bias = self.layers[name]
        total = dilation * (weight.shape[2] - 1)
        left = total // 2
        x = np.pad(x, ((0, 0), (left, total - left)), "reflect")
        return conv1d(x[:, total:], weight, bias, x[:, :total], dilation=dilation)[0]


def statistics(x, weight):
    """Mean and standard deviation (channels,) of x (channels, T) under weights that sum to one over time."""
    mean = (weight * x).sum(axis=1)
    variance = (weight * (x - mean[:, None]) ** 2).sum(axis=1)
    return mean, np.sqrt(np.maximum(variance, 1e-12))


def relu(x):
    return np.maximum(x, 0)


def mel_spectrogram(samples):
    """Samples (n,) -> logarithms of 128 bands (128, T): no frame is centred, the ends are mirrored by 384 samples."""
    side = (FFT - HOP) // 2
    padded = np.pad(samples, side, "reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)  # Hann, periodic
    spectrum = np.fft.rfft(frames * window.astype(samples.dtype))
    magnitude = np.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-9).astype(samples.dtype)
    return np.log(np.maximum(mel_filters().astype(samples.dtype) @ magnitude.T, 1e-5))


def mel_filters():
    """(128, 513): triangles between points equally far apart on Slaney's mel scale, each of unit area in hertz."""
    top = RATE / 2
    points = mel_to_hertz(np.linspace(0, hertz_to_mel(top), BANDS + 2))
    bins = np.linspace(0, top, FFT // 2 + 1)
    rising = (bins - points[:-2, None]) / np.diff(points)[:-1, None]
    falling = (points[2:, None] - bins) / np.diff(points)[1:, None]
    area = (points[2:] - points[:-2])[:, None] / 2
    return np.maximum(np.minimum(rising, falling), 0) / area


# Slaney's scale: 3 mels for every 200 Hz up to 1000 Hz (15 mels), then 27 mels for every factor of 6.4.
_KNEE, _LOG_STEP = 15, np.log(6.4) / 27


def hertz_to_mel(f):
    return f * 3 / 200 if f < 1000 else _KNEE + np.log(f / 1000) / _LOG_STEP


def mel_to_hertz(mel):
    return np.where(mel < _KNEE, mel * 200 / 3, 1000 * np.exp(_LOG_STEP * (mel - _KNEE)))
