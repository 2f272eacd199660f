/* Replays a reception from stdin: a line "NB_FRAG FRAG_SIZE VERSION", then a line "N BYTES" for each fragment. Prints after each fragment
 * how many are missing, and at the end the block if it is complete. Used with the test vectors. */
#include "check.h"
#include "model.h"

#include <string.h>

static model_t shape;
static device_t device;

static uint32_t parse_bytes(const char *text, uint8_t *bytes) {
    uint32_t length = 0;
    unsigned value;
    for (; sscanf(text, "%2x", &value) == 1; text += 2) bytes[length++] = (uint8_t)value;
    return length;
}

int main(void) {
    static char text[600];
    uint8_t bytes[300];
    unsigned n;
    uint32_t i, k;
    int result;
    CHECK(scanf("%u %u %u", &shape.nb_frag, &shape.frag_size, &shape.version) == 3);
    device_begin(&device, &shape, shape.nb_frag, shape.nb_frag + 2u, 4, 0);
    while (scanf("%u %599s", &n, text) == 2) {
        CHECK(fuota_frag_feed(&device.decoder, n | 2u << 14, bytes, parse_bytes(text, bytes)) >= 0);
        printf("%lu\n", (unsigned long)fuota_frag_missing(&device.decoder));
    }
    while ((result = fuota_frag_step(&device.decoder)) == FUOTA_FRAG_MORE && !fuota_frag_missing(&device.decoder)) {}
    for (i = 0; result == FUOTA_FRAG_DONE && i < shape.nb_frag; i++)
        for (k = 0; k < shape.frag_size; k++) printf("%02x", (unsigned)device.memory.octets[i * device.memory.row + k]);
    CHECK(device.memory.faults == 0);
    device_end(&device);
    return 0;
}
