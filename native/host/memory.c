#include "memory.h"

static int within_unit(const memory_t *m, uint32_t offset, uint32_t length) {
    uint32_t mark = m->granularity < 4u ? 4u : m->granularity;
    uint32_t unit = offset < m->rows_end ? m->row : mark, start = offset < m->rows_end ? 0 : m->rows_end;
    return length && offset < m->size && length <= m->size - offset && (offset - start) % unit == 0 && length <= unit;
}

int memory_read(void *context, uint32_t offset, void *data, uint32_t length) {
    memory_t *m = context;
    uint8_t *to = data;
    uint32_t i;
    if (!within_unit(m, offset, length)) {
        m->faults++;
        return -1;
    }
    if (m->reads_left == 0) return -1;
    if (m->reads_left != MEMORY_ENDLESS) m->reads_left--;
    if (offset < m->rows_end)
        m->row_reads++;
    else
        m->mark_reads++;
    for (i = 0; i < length; i++) to[i] = m->octets[offset + i];
    return 0;
}

static void program(memory_t *m, uint32_t offset, const uint8_t *from, uint32_t length) {
    uint32_t i, blank = 1, set = 0;
    for (i = 0; i < length; i++) {
        uint8_t *octet = m->octets + offset + i;
        blank &= *octet == 0xFFu;
        set |= (uint32_t)(from[i] & ~*octet) & 0xFFu;
        *octet &= from[i];
    }
    m->rewritten += !blank;
    m->faults += set != 0;
}

/* Clears some of the bits that the write should clear; which bits depends on the offset and the data. */
static void scatter(memory_t *m, uint32_t offset, const uint8_t *from, uint32_t length) {
    uint32_t i;
    for (i = 0; i < length; i++) {
        uint32_t noise = (offset + i + m->row_writes + 1u) * 2654435761u >> 24;
        m->octets[offset + i] &= (uint8_t)(from[i] | noise);
    }
}

int memory_write(void *context, uint32_t offset, const void *data, uint32_t length) {
    memory_t *m = context;
    if (!within_unit(m, offset, length) || offset % m->granularity || length % m->granularity) {
        m->faults++;
        return -1;
    }
    if (m->writes_left == 0) {
        if (m->torn == MEMORY_SCATTERED)
            scatter(m, offset, data, length);
        else
            program(m, offset, data, m->torn < length ? m->torn / m->granularity * m->granularity : length);
        return -1;
    }
    if (m->writes_left != MEMORY_ENDLESS) m->writes_left--;
    if (offset < m->rows_end)
        m->row_writes++;
    else
        m->mark_writes++;
    program(m, offset, data, length);
    return 0;
}
