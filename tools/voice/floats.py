"""An ONNX network of 8-bit integers as one of floats, so that a runtime can choose what it counts in.

ONNX Runtime's tools quantise while it runs: integers of what comes, their product with integer weights, a factor.
OpenVINO is faster in bfloat16, which needs products of floats, and slow with sines. A snake activation asks for the
square of one: a polynomial in the square of what is left over of half turns gives it to 3e-5.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

# sin(pi sqrt(t))^2: of t to t^4, t up to 1/4
_SQUARED_SINE = 9.86656338, -32.35144004, 41.27919369, -22.95940662


def floating(network):
    """The onnx.ModelProto changed in place and returned.

    ConvInteger, MatMulInteger and DynamicQuantizeLSTM become Conv, MatMul and LSTM; a sine whose square alone is asked
    for becomes a polynomial. ValueError: something quantised stands as ONNX Runtime's tools do not leave it.
    """
    return _Rewriting(network).done()


class _Rewriting:
    def __init__(self, network):
        self._network = network
        graph = network.graph
        self._weights = {tensor.name: tensor for tensor in graph.initializer}
        self._made = {name: node for node in graph.node for name in node.output}
        self._readers = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                self._readers[name].append(node)
        self._new: dict[int, list] = {}  # by the id of the node that they replace
        self._gone: set[int] = set()

    def done(self):
        graph = self._network.graph
        for node in graph.node:
            if node.op_type in ("ConvInteger", "MatMulInteger"):
                self._product(node)
            elif node.op_type == "DynamicQuantizeLSTM":
                self._lstm(node)
            elif node.op_type == "Sin":
                self._squared_sine(node)
        nodes = []
        for node in graph.node:
            nodes += self._new.get(id(node), [] if id(node) in self._gone else [node])
        read, kept = {output.name for output in graph.output}, []
        for node in reversed(nodes):
            if not read.isdisjoint(node.output):
                kept.insert(0, node)
                read.update(node.input)
        weights = [tensor for name, tensor in self._weights.items() if name in read]
        del graph.node[:], graph.initializer[:]
        graph.node.extend(kept)
        graph.initializer.extend(weights)
        return self._network

    def _array(self, name: str) -> np.ndarray:
        from onnx import numpy_helper

        if name not in self._weights:
            raise ValueError(f"{name} is computed; weights, factors and zeros were expected to be constants")
        return numpy_helper.to_array(self._weights[name]).astype(np.float32)

    def _add(self, name: str, array: np.ndarray) -> str:
        from onnx import numpy_helper

        if name not in self._weights:
            array = np.ascontiguousarray(array, dtype=np.float32)
            self._weights[name] = numpy_helper.from_array(array, name)
        return name

    def _reader(self, node, kind: str):
        reader = self._readers[node.output[0]]
        if [found.op_type for found in reader] != [kind]:
            kinds = ", ".join(found.op_type for found in reader)
            raise ValueError(f"{node.name} is read by {kinds or 'nothing'}, expected one {kind}")
        return reader[0]

    def _other(self, node, name: str) -> str:
        return next(found for found in node.input if found != name)

    def _product(self, node) -> None:
        """DynamicQuantizeLinear, product, the bias as integers where there is one, Cast, Mul by both factors."""
        from onnx import helper

        quantised = self._made[node.input[0]]
        chain, bias = [node], []
        if self._readers[node.output[0]][0].op_type == "Add":
            chain.append(self._reader(node, "Add"))
            source = self._made[self._other(chain[-1], node.output[0])]
            while source.op_type != "Div":  # the bias over the factors, rounded and given a shape
                source = self._made[source.input[0]]
            bias = [source.input[0]]
        chain.append(self._reader(chain[-1], "Cast"))
        chain.append(self._reader(chain[-1], "Mul"))
        factors = self._made[self._other(chain[-1], chain[-2].output[0])]
        weight, zero = (self._array(name) for name in (node.input[1], node.input[3]))
        factor = self._array(self._other(factors, quantised.output[1]))
        kind = "Conv" if node.op_type == "ConvInteger" else "MatMul"
        if kind == "Conv":
            zero, factor = (value.reshape(-1, *[1] * (weight.ndim - 1)) for value in (zero, factor))
        weight = self._add(f"{node.input[1]} floating", (weight - zero) * factor)
        product = helper.make_node(
            kind, [quantised.input[0], weight, *bias], [chain[-1].output[0]], node.name
        )
        product.attribute.extend(node.attribute)
        self._gone |= {id(part) for part in chain}
        self._new[id(chain[-1])] = [product]

    def _lstm(self, node) -> None:
        """Its weights (directions, inputs, 4 states) lie the other way round in LSTM; the gates' order is the same."""
        from onnx import helper

        sound, weight, recurrent, *rest = node.input[:8]
        names = []
        for name, (factor, zero) in zip(
            (weight, recurrent), (node.input[8:10], node.input[10:12]), strict=True
        ):
            whole = self._array(name)
            factor, zero = (self._array(found).reshape(len(whole), 1, -1) for found in (factor, zero))
            names.append(self._add(f"{name} floating", ((whole - zero) * factor).transpose(0, 2, 1)))
        lstm = helper.make_node("LSTM", [sound, *names, *rest], list(node.output), node.name)
        lstm.attribute.extend(node.attribute)
        self._new[id(node)] = [lstm]

    def _squared_sine(self, node) -> None:
        from onnx import helper

        readers = self._readers[node.output[0]]
        if [reader.op_type for reader in readers] != ["Pow"] or readers[0].input[1] not in self._weights:
            return
        if self._array(readers[0].input[1]) != 2:
            return
        nodes = []

        def apply(kind: str, *inputs: str) -> str:
            name = f"{node.output[0]} {len(nodes)}"
            nodes.append(helper.make_node(kind, list(inputs), [name], name))
            return name

        halves = apply("Mul", node.input[0], self._add("one over pi", np.array(1 / np.pi)))
        rest = apply("Sub", halves, apply("Round", halves))
        square = apply("Mul", rest, rest)
        highest, *others = (
            self._add(f"squared sine {number}", np.array(part))
            for number, part in reversed(list(enumerate(_SQUARED_SINE)))
        )
        found = apply("Mul", square, highest)
        for coefficient in others:
            found = apply("Mul", apply("Add", found, coefficient), square)
        nodes[-1].output[0] = readers[0].output[0]
        self._gone |= {id(node), id(readers[0])}
        self._new[id(readers[0])] = nodes
