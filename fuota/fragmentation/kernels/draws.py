"""Draws of PRBS23, 16 at once, in vector code that numba does not generate from loops. Types for callers are in `draws.pyi`.

With NUMBA_DISABLE_JIT=1 each function is replaced by plain Python.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

STATE_MASK = (1 << 23) - 1
_LANES = 16

if config.DISABLE_JIT:

    def take_draws(stream, word, reciprocal, modulus, draws, at):
        """Set draws[at + t], for t < 32, to (the window of the stream that begins at bit t of word) mod modulus."""
        both = int(stream[word]) | int(stream[word + 1]) << 32
        for t in range(32):
            draws[at + t] = (both >> t & STATE_MASK) % int(modulus)

    def lanes_equal_to(draws, at, value):
        """Return 32 bits: bit t is set if draws[at + t] is `value`."""
        return np.uint32(sum(1 << t for t in range(32) if draws[at + t] == value))

else:

    def _splat(builder, value):
        lanes = ir.VectorType(value.type, _LANES)
        first_lane = builder.insert_element(ir.Constant(lanes, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
        return builder.shuffle_vector(first_lane, ir.Constant(lanes, ir.Undefined), zeros)

    @intrinsic
    def take_draws(_, stream, word, reciprocal, modulus, draws, at):
        """Set draws[at + t], for t < 32, to (the window of the stream that begins at bit t of word) mod modulus.

        The quotient is computed in single precision, in which windows (below 2^23) are exact. `reciprocal` is slightly too
        small, so that the quotient is correct or too small by 1, never too large. It is too small if the remainder is not
        below the modulus.
        """
        i32, i64 = ir.IntType(32), ir.IntType(64)
        lanes = ir.VectorType(i32, _LANES)
        floats = ir.VectorType(ir.FloatType(), _LANES)
        stored = ir.VectorType(ir.IntType(16), _LANES)

        def constants(values):
            return ir.Constant(lanes, list(values))

        def generate(context, builder, signature, arguments):
            kinds = signature.args
            source = context.make_array(kinds[0])(context, builder, arguments[0]).data
            index = context.cast(builder, arguments[1], kinds[1], types.int64)
            low = _splat(builder, builder.load(builder.gep(source, [index])))
            above = builder.load(builder.gep(source, [builder.add(index, ir.Constant(i64, 1))]))
            high = builder.shl(_splat(builder, above), constants([1] * _LANES))
            divisor = _splat(builder, context.cast(builder, arguments[3], kinds[3], types.uint32))
            factor = _splat(builder, arguments[2])
            target = context.make_array(kinds[4])(context, builder, arguments[4]).data
            offset = context.cast(builder, arguments[5], kinds[5], types.int64)
            for first in (0, _LANES):
                bits = range(first, first + _LANES)
                window = builder.or_(
                    builder.lshr(low, constants(bits)), builder.shl(high, constants(31 - bit for bit in bits))
                )
                window = builder.and_(window, constants([STATE_MASK] * _LANES))
                quotient = builder.fptosi(builder.fmul(builder.sitofp(window, floats), factor), lanes)
                remainder = builder.sub(window, builder.mul(quotient, divisor))
                # The difference wraps to a huge number if the remainder is below the divisor already.
                reduced = builder.sub(remainder, divisor)
                remainder = builder.select(builder.icmp_unsigned("<", reduced, remainder), reduced, remainder)
                place = builder.gep(target, [builder.add(offset, ir.Constant(i64, first))])
                builder.store(builder.trunc(remainder, stored), builder.bitcast(place, stored.as_pointer())).align = 2
            return context.get_dummy_value()

        return types.void(stream, word, types.float32, modulus, draws, at), generate

    @intrinsic
    def lanes_equal_to(_, draws, at, value):
        """Return 32 bits: bit t is set if draws[at + t] is `value`."""
        line = ir.VectorType(ir.IntType(16), 2 * _LANES)

        def generate(context, builder, signature, arguments):
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            index = context.cast(builder, arguments[1], signature.args[1], types.int64)
            lanes = builder.load(builder.bitcast(builder.gep(data, [index]), line.as_pointer()))
            lanes.align = 2
            value_16 = context.cast(builder, arguments[2], signature.args[2], types.uint16)
            first_lane = builder.insert_element(
                ir.Constant(line, ir.Undefined), value_16, ir.Constant(ir.IntType(32), 0)
            )
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), 2 * _LANES), [0] * 2 * _LANES)
            value_lanes = builder.shuffle_vector(first_lane, ir.Constant(line, ir.Undefined), zeros)
            return builder.bitcast(builder.icmp_unsigned("==", lanes, value_lanes), ir.IntType(32))

        return types.uint32(draws, at, value), generate
