/* Commands over the console, one per line. */
#ifndef SHELL_H
#define SHELL_H

#include <stdint.h>

#include "sha256.h"

/* Prints the banner and the prompt; `digest` is what `hash` will answer. */
void shell_init(const uint8_t digest[SHA256_BYTES]);

/* Takes what was received so far and runs the commands that are complete. */
void shell_poll(void);

/* A line of news, of at most 119 characters; a command that is being typed stands again below it. */
__attribute__((format(printf, 1, 2))) void shell_notice(const char *format, ...);

#endif
