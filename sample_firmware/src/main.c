/* A refrigerator thermometer for LoRaWAN. It samples and filters the temperature, answers on the console, and receives a
   new firmware image over the radio. */
#include "application.h"
#include "board.h"
#include "image.h"
#include "modem.h"
#include "sensor.h"
#include "sha256.h"
#include "shell.h"
#include "start.h"
#include "uart.h"
#include "update.h"

static volatile uint32_t ticks;
static uint8_t digest[SHA256_BYTES];

void tick_handler(void) { ticks = ticks + 1; }

static void tick_init(void) {
    SYST_RVR = CORE_CLOCK_HZ / SENSOR_RATE_HZ - 1;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_RUN;
}

static void hash_image(void) {
    sha256_t context;
    sha256_init(&context);
    sha256_update(&context, image_start, image_id.length);
    sha256_final(&context, digest);
}

static void sleep_until_work(uint32_t done) {
    interrupts_off();
    if (ticks == done && !uart_pending()) wait_for_interrupt();
    interrupts_on();
}

int main(void) {
    uart_init();
    hash_image();
    sensor_init();
    tick_init();
    shell_init(digest);
    application_init(digest);
    update_init();
    modem_init();
    for (uint32_t done = 0;;) {
        for (; done != ticks; done++) sensor_step();
        shell_poll();
        modem_poll();
        if (!update_step()) sleep_until_work(done);
    }
}
