"""PyTorch on the CPU as an engine of the benchmark. The protocol is that of serve.mjs; run by bench/run/process.ts.

`--channels-last` keeps images in memory as [N,H,W,C], which oneDNN's convolutions like better than torch's default.
"""

import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from serve import Unsupported, processor, serve

LAYOUT = torch.channels_last if "--channels-last" in sys.argv else torch.contiguous_format


# Some builds take one thread of two: all processors that this process may use, as the software adapters do.
torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())


def tensors(spec, files):
    """Inputs by name: images [N,C,H,W], convolution weights [O,I,KH,KW], all else as it is."""
    made = {}
    for name, shape in spec["inputs"].items():
        value = torch.from_numpy(np.fromfile(files[name], dtype="<f4").reshape(shape))
        if len(shape) == 4:
            weight = name == "weight" or name.startswith("conv")
            value = value.permute(3, 2, 0, 1) if weight else value.permute(0, 3, 1, 2)
            # .to() leaves a tensor of one channel as it is, strides and all: a copy makes them those of the format.
            value = value.contiguous().contiguous(memory_format=LAYOUT)
        made[name] = value
    return made


class Case:
    """One computation per call; the result of the last call is kept."""

    def __init__(self, compute, back=lambda value: value):
        self.compute, self.back, self.result = compute, back, None

    def run(self):
        self.result = self.compute()

    def output(self):
        return self.back(self.result).detach().contiguous().numpy()

    def finish(self):
        return {}


def image(value):
    """[N,C,H,W] -> [N,H,W,C]"""
    return value.permute(0, 2, 3, 1)


def kernel(value):
    """[O,I,KH,KW] -> [KH,KW,I,O]"""
    return value.permute(2, 3, 1, 0)


def conv_backward(dy, x, weight, mask):
    one, same = [1, 1], [weight.shape[2] // 2, weight.shape[3] // 2]
    return torch.ops.aten.convolution_backward(dy, x, weight, None, one, same, one, False, [0, 0], 1, mask)


def gemm(spec, t):
    a = t["a"].t() if spec["sizes"]["transposeA"] else t["a"]
    b = t["b"].t() if spec["sizes"]["transposeB"] else t["b"]
    return Case(lambda: a @ b)


def conv_forward(spec, t):
    return Case(lambda: F.conv2d(t["x"], t["weight"], padding="same"), image)


def conv_input(spec, t):
    s = spec["sizes"]
    x = torch.zeros(s["n"], s["ci"], s["h"], s["w"]).contiguous(memory_format=LAYOUT)
    return Case(lambda: conv_backward(t["dy"], x, t["weight"], [True, False, False])[0], image)


def conv_weight(spec, t):
    s = spec["sizes"]
    weight = torch.zeros(s["co"], s["ci"], s["k"], s["k"]).contiguous(memory_format=LAYOUT)
    return Case(lambda: conv_backward(t["dy"], t["x"], weight, [False, True, False])[1], kernel)


def relu(spec, t):
    return Case(lambda: torch.relu(t["x"]), image)


def channel_sums(spec, t):
    return Case(lambda: t["x"].sum((0, 2, 3)))


def bn_relu(x, gamma, beta):
    return F.relu(F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5))


def bn_forward(spec, t):
    return Case(lambda: bn_relu(t["x"], t["gamma"], t["beta"]), image)


def bn_backward(spec, t):
    leaves = [t[name].requires_grad_() for name in ("x", "gamma", "beta")]
    y = bn_relu(*leaves)
    return Case(lambda: torch.autograd.grad(y, leaves, t["dy"], retain_graph=True)[0], image)


def copy(spec, t):
    source = (torch.arange(spec["sizes"]["floats"]) % 4096).float() / 4096
    target = torch.zeros_like(source)

    def compute():
        target.copy_(source)
        return target

    return Case(compute)


class Step:
    """The training step: bench/cases.ts says which network."""

    def __init__(self, spec, t):
        s = spec["sizes"]
        self.checked, self.losses = s["checked"], []
        self.x, self.labels = t.pop("x"), t.pop("labels").long()
        for name in ("dense0", "dense1"):
            t[name] = t[name].t().contiguous()
        self.p = {name: value.requires_grad_() for name, value in t.items()}
        self.optimizer = torch.optim.SGD(self.p.values(), lr=s["rate"], momentum=s["momentum"])
        self.layers = sum(name.startswith("conv") for name in self.p)

    def loss(self):
        y, p = self.x, self.p
        for i in range(self.layers):
            y = bn_relu(F.conv2d(y, p[f"conv{i}"], padding="same"), p[f"gamma{i}"], p[f"beta{i}"])
            y = F.max_pool2d(y, 2)
        hidden = F.relu(F.linear(y.flatten(1), p["dense0"], p["bias0"]))
        return F.cross_entropy(F.linear(hidden, p["dense1"], p["bias1"]), self.labels)

    def run(self):
        self.optimizer.zero_grad()
        loss = self.loss()
        loss.backward()
        self.optimizer.step()
        self.losses = (self.losses + [loss.detach()])[-self.checked :]

    def output(self):
        while len(self.losses) < self.checked:
            self.run()
        return torch.stack(self.losses).numpy()

    def finish(self):
        return {}


KINDS = {
    "gemm": gemm,
    "conv-forward": conv_forward,
    "conv-input": conv_input,
    "conv-weight": conv_weight,
    "relu": relu,
    "channel-sums": channel_sums,
    "bn-forward": bn_forward,
    "bn-backward": bn_backward,
    "copy": copy,
    "step": Step,
}


def prepare(request):
    spec = request["spec"]
    if spec["kind"] not in KINDS:
        raise Unsupported(f"has no {spec['kind']}")
    case = KINDS[spec["kind"]](spec, tensors(spec, request["inputs"]))
    if request["output"]:
        case.run()
        case.output().astype("<f4").tofile(request["output"])
    return case


serve(
    {"adapter": f"{processor()}, {torch.get_num_threads()} threads", "driver": "", "version": torch.__version__},
    prepare,
)
