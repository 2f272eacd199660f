/* Console commands, one per line. */
#ifndef SHELL_H
#define SHELL_H

#include <stdint.h>

#include "sha256.h"

/* Prints the banner and the prompt; `hash` will print `digest`. */
void shell_init(const uint8_t digest[SHA256_BYTES]);

/* Reads the received bytes and runs the complete commands. */
void shell_poll(void);

/* Prints a line of at most 119 characters, and below it the command that is being typed. */
__attribute__((format(printf, 1, 2))) void shell_notice(const char *format, ...);

#endif
