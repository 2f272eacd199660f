"""Operations on 64 bytes at once (a line). numba does not compile loops over a few words to such vector operations.

LLVM maps the vectors to the registers of the processor: one of AVX-512, two of AVX2, four of SSE or NEON. Offsets count elements
of the array that they belong to (bytes of a uint8 array, words of a uint64 array); no alignment is required. The caller must
ensure that 64 bytes follow each offset: nothing is checked here.

With NUMBA_DISABLE_JIT=1 each function is replaced by plain numpy. Types for callers are in `vectors.pyi`.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_LINE = ir.VectorType(_I64, 8)

if config.DISABLE_JIT:

    def _line_bytes(array, offset):
        start = offset * array.itemsize
        return array.reshape(-1).view(np.uint8)[start : start + 64]

    def xor_line(target, at, source, source_at):
        """XOR 64 bytes of source[source_at:] to target[at:]."""
        _line_bytes(target, at)[:] ^= _line_bytes(source, source_at)

    def xor_two_lines(target, at, source, a, b):
        """XOR 64 bytes of source[a:] and source[b:] to target[at:]."""
        for source_at in (a, b):
            xor_line(target, at, source, source_at)

    def xor_four_lines(target, at, source, a, b, c, d):
        """XOR 64 bytes each of source[a:], source[b:], source[c:] and source[d:] to target[at:]."""
        for source_at in (a, b, c, d):
            xor_line(target, at, source, source_at)

    def set_line(target, at, first, first_at, second, second_at):
        """Set 64 bytes of target[at:] to first[first_at:] ^ second[second_at:]."""
        _line_bytes(target, at)[:] = _line_bytes(first, first_at) ^ _line_bytes(second, second_at)

    def xor_lookups(target, at, tables, word):
        """XOR 16 lines of `tables` to target[at:]: for each t < 16 the line 16 * t + (bits 4 * t to 4 * t + 3 of `word`)."""
        for t in range(16):
            xor_line(target, at, tables, (16 * t + (int(word) >> 4 * t & 15)) * 8)

    def lowest_one(word):
        """Return the position of the lowest set bit in a word that is not zero."""
        return (int(word) & -int(word)).bit_length() - 1

    def count_ones(word):
        """Return the number of set bits in a word."""
        return int(word).bit_count()

    def pack_flags(flags, at):
        """Return 64 flags, one byte each, as a word: bit i is set if byte at + i is not zero."""
        return np.packbits(flags[at : at + 64] != 0, bitorder="little").view("<u8")[0]

else:

    def _line(context, builder, array_type, array, offset, offset_type):
        data = context.make_array(array_type)(context, builder, array).data
        index = context.cast(builder, offset, offset_type, types.int64)
        return builder.bitcast(builder.gep(data, [index]), _LINE.as_pointer())

    def _load(builder, pointer):
        line = builder.load(pointer)
        line.align = 1
        return line

    def _store(builder, line, pointer):
        builder.store(line, pointer).align = 1

    @intrinsic
    def xor_line(_, target, at, source, source_at):
        """XOR 64 bytes of source[source_at:] to target[at:]."""

        def generate(context, builder, signature, arguments):
            kinds = signature.args
            target_line = _line(context, builder, kinds[0], arguments[0], arguments[1], kinds[1])
            line = _line(context, builder, kinds[2], arguments[2], arguments[3], kinds[3])
            _store(builder, builder.xor(_load(builder, target_line), _load(builder, line)), target_line)
            return context.get_dummy_value()

        return types.void(target, at, source, source_at), generate

    @intrinsic
    def xor_two_lines(_, target, at, source, a, b):
        """XOR 64 bytes of source[a:] and source[b:] to target[at:]."""

        def generate(context, builder, signature, arguments):
            kinds = signature.args
            target_line = _line(context, builder, kinds[0], arguments[0], arguments[1], kinds[1])
            first, second = (
                _load(builder, _line(context, builder, kinds[2], arguments[2], arguments[i], kinds[i])) for i in (3, 4)
            )
            _store(builder, builder.xor(_load(builder, target_line), builder.xor(first, second)), target_line)
            return context.get_dummy_value()

        return types.void(target, at, source, a, b), generate

    @intrinsic
    def xor_four_lines(_, target, at, source, a, b, c, d):
        """XOR 64 bytes each of source[a:], source[b:], source[c:] and source[d:] to target[at:]."""

        def generate(context, builder, signature, arguments):
            kinds = signature.args
            target_line = _line(context, builder, kinds[0], arguments[0], arguments[1], kinds[1])
            lines = [
                _load(builder, _line(context, builder, kinds[2], arguments[2], arguments[i], kinds[i]))
                for i in range(3, 7)
            ]
            pair, other_pair = builder.xor(lines[0], lines[1]), builder.xor(lines[2], lines[3])
            _store(builder, builder.xor(_load(builder, target_line), builder.xor(pair, other_pair)), target_line)
            return context.get_dummy_value()

        return types.void(target, at, source, a, b, c, d), generate

    @intrinsic
    def set_line(_, target, at, first, first_at, second, second_at):
        """Set 64 bytes of target[at:] to first[first_at:] ^ second[second_at:]."""

        def generate(context, builder, signature, arguments):
            kinds = signature.args
            target_line, first_line, second_line = (
                _line(context, builder, kinds[i], arguments[i], arguments[i + 1], kinds[i + 1]) for i in (0, 2, 4)
            )
            _store(builder, builder.xor(_load(builder, first_line), _load(builder, second_line)), target_line)
            return context.get_dummy_value()

        return types.void(target, at, first, first_at, second, second_at), generate

    @intrinsic
    def xor_lookups(_, target, at, tables, word):
        """XOR 16 lines of `tables` to target[at:]: for each t < 16 the line 16 * t + (bits 4 * t to 4 * t + 3 of `word`)."""

        def generate(context, builder, signature, arguments):
            kinds = signature.args
            target_line = _line(context, builder, kinds[0], arguments[0], arguments[1], kinds[1])
            line = _load(builder, target_line)
            for t in range(16):
                bits = builder.and_(builder.lshr(arguments[3], ir.Constant(_I64, 4 * t)), ir.Constant(_I64, 15))
                offset = builder.shl(builder.or_(bits, ir.Constant(_I64, 16 * t)), ir.Constant(_I64, 3))
                entry = _line(context, builder, kinds[2], arguments[2], offset, types.int64)
                line = builder.xor(line, _load(builder, entry))
            _store(builder, line, target_line)
            return context.get_dummy_value()

        return types.void(target, at, tables, types.uint64), generate

    @intrinsic
    def lowest_one(_, word):
        """Return the position of the lowest set bit in a word that is not zero."""

        def generate(_context, builder, _signature, arguments):
            return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

        return types.int64(types.uint64), generate

    @intrinsic
    def count_ones(_, word):
        """Return the number of set bits in a word."""

        def generate(_context, builder, _signature, arguments):
            return builder.ctpop(arguments[0])

        return types.int64(types.uint64), generate

    @intrinsic
    def pack_flags(_, flags, at):
        """Return 64 flags, one byte each, as a word: bit i is set if byte at + i is not zero."""
        line_type = ir.VectorType(_I8, 64)

        def generate(context, builder, signature, arguments):
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            index = context.cast(builder, arguments[1], signature.args[1], types.int64)
            line = builder.load(builder.bitcast(builder.gep(data, [index]), line_type.as_pointer()))
            line.align = 1
            set_flags = builder.icmp_unsigned("!=", line, ir.Constant(line_type, [0] * 64))
            return builder.bitcast(set_flags, _I64)  # lane 0 is bit 0 on a little-endian machine

        return types.uint64(flags, at), generate
