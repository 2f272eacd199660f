/* fuota_frag: decoder of LoRaWAN fragmented data blocks (TS004 version 1 and 2) for microcontrollers.
 *
 * THE CONTRACT
 *
 * You give: memory, and a storage behind two functions. The decoder allocates nothing, keeps nothing of its own, calls nothing but your
 * two functions, and does not recurse. Two decoders never touch each other. One decoder is for one thread at a time.
 *
 *   1. Fill the first part of a fuota_frag_t (its fields are explained there), the storage erased: every octet reads 0xFF.
 *   2. fuota_frag_init. After a reset, with the same fields: fuota_frag_resume instead.
 *   3. fuota_frag_feed with every fragment that arrives, in whatever order, repeats too.
 *   4. Once fuota_frag_missing is 0: fuota_frag_step again and again, whenever there is time, until it gives 0.
 *   5. The block stands in the storage from offset 0. Version 1 of TS004 has no check of it: compare a hash before you boot it.
 *
 * Results: 0 the block is done; 1 more is needed, fragments or (missing is 0) steps; less than 0 an error:
 *   FUOTA_FRAG_REFUSED   what was given cannot belong to this session (N = 0, N > 16383, another FragIndex, another length), or the
 *                        fields of fuota_frag_t cannot be. Nothing has changed; go on with the next fragment.
 *   FUOTA_FRAG_TOO_MANY  more was lost than the workspace or the scratch rows hold. It stays until the next init.
 *   FUOTA_FRAG_STORAGE   your read or write gave other than 0. It stays until the next init or resume.
 *
 * Order. Any. A coded fragment that arrives while more than `capacity` uncoded ones are unknown is kept in the scratch rows and used
 * later. Decoding is exact: it is finished as soon as the fragments received determine the block, with not one more.
 *
 * Reset. The storage is the state: nothing need be saved. Writes must reach it in the order given, and bits of it only ever go from 1 to
 * 0; one that is cut off may leave any of its bits unwritten. Then power may fail at any time: resume finds every fragment that feed had
 * returned from, and a result of 0 is never wrong. No row is written twice but the one that a power cut interrupted, and that one is
 * completed with the same octets (on a flash that refuses that, let `write` leave out the granules that hold their octets already). What a
 * step had done and not yet written is done again: solving gets on if there are losses + nb_frag / 32 + 10 steps between two resets.
 *
 * Work per call. feed: one row of the parity matrix (about M/2 draws, 3/4 M in version 2), and one row written; but where coded fragments
 * had to be kept aside, one later call takes up all of them, as resume does. step: reads at most max(32, losses) rows, writes at most one,
 * draws at most one row of the matrix; with no workspace to spare it reads the marks of the block too, once for each lost fragment.
 *
 * Memory. FUOTA_FRAG_WORKSPACE octets of workspace are enough for `capacity` losses. What is not needed for the losses that there
 * really are, and any octets beyond, save reading: the more, the fewer rows are read in step 4.
 *
 * The storage, as offsets that your functions may map to wherever they like (G = granularity):
 *   rows of FUOTA_FRAG_ROW(frag_size, G) octets: nb_frag of the block, then `scratch`, then `capacity`
 *   marks of FUOTA_FRAG_MARK(G) octets, one for each of those rows, in the same order
 * Reads and writes begin at a multiple of the row or mark they are in and never cross it. The block lies without gaps where frag_size is a
 * multiple of G; choose it so. Writes are multiples of G at multiples of G.
 */
#ifndef FUOTA_FRAG_H
#define FUOTA_FRAG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FUOTA_FRAG_DONE 0
#define FUOTA_FRAG_MORE 1
#define FUOTA_FRAG_REFUSED (-1)
#define FUOTA_FRAG_TOO_MANY (-2)
#define FUOTA_FRAG_STORAGE (-3)
#define FUOTA_FRAG_MISMATCH (-4) /* fuota_frag_check_mic */

#define FUOTA_FRAG_V1 1         /* TS004-1.0.0 */
#define FUOTA_FRAG_V2 2         /* TS004-2.0.0 as every shipped device stack and server implements it: seeds are N - M */
#define FUOTA_FRAG_V2_LITERAL 3 /* TS004-2.0.0 as its text reads: seeds are N */

/* Sizes in octets. M nb_frag, L capacity, S frag_size, G granularity, P scratch. */
#define FUOTA_FRAG_ROW(S, G) (((S) + (G)-1u) / (G) * (G))
#define FUOTA_FRAG_MARK(G) ((G) < 4u ? 4u : (G))
#define FUOTA_FRAG_STORAGE_BYTES(M, L, S, G, P) (((M) + (L) + (P)) * (FUOTA_FRAG_ROW(S, G) + FUOTA_FRAG_MARK(G)))
#define FUOTA_FRAG_WORDS_(BITS) (((BITS) + 31u) / 32u)
#define FUOTA_FRAG_MOST_(A, B) ((A) > (B) ? (A) : (B))
#define FUOTA_FRAG_ROW_WORDS_(S, G) FUOTA_FRAG_WORDS_(8u * FUOTA_FRAG_ROW(S, G))
#define FUOTA_FRAG_WORK_(M, S, G) FUOTA_FRAG_MOST_(FUOTA_FRAG_WORDS_(M), 2u * FUOTA_FRAG_ROW_WORDS_(S, G))
#define FUOTA_FRAG_WORKSPACE(M, L, S, G) \
    (4u * (FUOTA_FRAG_WORDS_(M) + FUOTA_FRAG_WORDS_(L) + FUOTA_FRAG_WORDS_((L) * ((L) + 1u) / 2u) + FUOTA_FRAG_WORK_(M, S, G)))

typedef struct {
    /* Yours; unchanged from init or resume on. */
    int (*read)(void *context, uint32_t offset, void *data, uint32_t length);        /* 0: done */
    int (*write)(void *context, uint32_t offset, const void *data, uint32_t length); /* 0: done, and durable */
    void *context;           /* handed to both */
    uint32_t *workspace;     /* FUOTA_FRAG_WORKSPACE octets or more; need not be cleared */
    uint32_t workspace_words; /* how many words of four octets it has */
    uint16_t nb_frag;        /* M, 1 to 16383 */
    uint16_t capacity;       /* how many uncoded fragments may be lost, 1 to nb_frag */
    uint16_t scratch;        /* rows for coded fragments: `capacity`, one more for each reset that may come, more for wild orders */
    uint8_t frag_size;       /* octets per fragment, 1 to 255 */
    uint8_t granularity;     /* what the storage writes at once: 1, 2, 4, 8, 16 or 32 octets */
    uint8_t version;         /* FUOTA_FRAG_V1, _V2 or _V2_LITERAL */
    uint8_t frag_index;      /* FragIndex of the session, 0 to 3 */
    /* The decoder's. */
    uint8_t lanes, phase;
    uint16_t unknown, stored, taken, rank, lowest, progress, position, row_octets, row_words, mask_words;
} fuota_frag_t;

/* Begins a session on an erased storage. */
int fuota_frag_init(fuota_frag_t *f);

/* Goes on with the session that the storage holds, after a reset. */
int fuota_frag_resume(fuota_frag_t *f);

/* Takes a fragment. `index_and_n`: the field Index&N of DataFragment as it came (FragIndex in bits 15:14, N in bits 13:0);
 * `payload`: the octets after it, `length` of them, which must be frag_size. After completion everything is dropped. */
int fuota_frag_feed(fuota_frag_t *f, uint32_t index_and_n, const void *payload, uint32_t length);

/* One bounded part of the work that is left once enough was received. Before that it does nothing. */
int fuota_frag_step(fuota_frag_t *f);

/* How many further fragments are needed at least. While more than `capacity` are unknown, coded ones do not count yet. */
uint32_t fuota_frag_missing(const fuota_frag_t *f);

/* --- checks of the block, in the source only where FUOTA_FRAG_CHECKS is defined when it is compiled
 *
 * Each call takes one fragment, so none stalls the radio: fill in the first part, `row` 0, and call until it gives 0. Before the block is
 * done they give what fuota_frag_step gives. `padding`: octets at the end that do not belong to the block. */

typedef struct {
    uint8_t padding;
    uint16_t row;
    uint32_t crc; /* 0 to begin; at the end the CRC-32 of IEEE 802.3 and zip */
} fuota_frag_crc32_t;

int fuota_frag_crc32(fuota_frag_t *f, fuota_frag_crc32_t *c);

typedef struct {
    uint8_t padding;
    uint16_t row;
    uint8_t digest[32];
    /* The decoder's. */
    uint32_t length, state[8], piece[16];
} fuota_frag_sha256_t;

int fuota_frag_sha256(fuota_frag_t *f, fuota_frag_sha256_t *s);

/* The MIC of FragSessionSetupReq in version 2: AES-CMAC with the DataBlockIntKey, by your functions. At the end 0, or
 * FUOTA_FRAG_MISMATCH. */
typedef struct {
    void (*update)(void *context, const void *data, uint32_t length); /* the CMAC goes on over these octets */
    void (*finish)(void *context, uint8_t mac[16]);
    void *context;
    uint8_t padding;
    uint16_t row;
    uint16_t session_cnt;
    uint8_t descriptor[4], mic[4]; /* in the order of the wire */
} fuota_frag_mic_t;

int fuota_frag_check_mic(fuota_frag_t *f, fuota_frag_mic_t *m);

#ifdef __cplusplus
}
#endif
#endif
