#include "run/atoms.h"

#include "base/buf.h"
#include "base/mem.h"
#include "value/json.h"

enum { SLOTS_AT_FIRST = 256 };

struct entry {
    struct bsc_value *value; /* owned */
    uint64_t hash;
};

struct bsc_run_atoms {
    struct entry *entries; /* owned; that of atom n at n - 1 */
    size_t count;
    uint32_t *slots; /* owned: atoms by hash, 0 for a free slot; their number is a power of two */
    size_t slot_count;
};

struct bsc_run_atoms *bsc_run_atoms_new(void)
{
    struct bsc_run_atoms *atoms = bsc_mem_new(1, sizeof *atoms);
    atoms->slot_count = SLOTS_AT_FIRST;
    atoms->slots = bsc_mem_new(atoms->slot_count, sizeof *atoms->slots);
    return atoms;
}

void bsc_run_atoms_free(struct bsc_run_atoms *atoms)
{
    if (atoms == NULL)
        return;
    for (size_t i = 0; i < atoms->count; i++)
        bsc_value_free(atoms->entries[i].value);
    bsc_mem_free(atoms->entries);
    bsc_mem_free(atoms->slots);
    bsc_mem_free(atoms);
}

uint64_t bsc_run_atoms_hash(uint64_t seed, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t hash = seed ^ 0xcbf29ce484222325U;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * 0x100000001b3U;
    return hash ^ (hash >> 29);
}

static uint64_t hash_of(const struct bsc_value *value)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_json_canonical(value, &text);
    uint64_t hash = bsc_run_atoms_hash(0, text.data, text.length);
    bsc_buf_release(&text);
    return hash;
}

/* The slot where the value is or belongs. */
static size_t slot_of(const struct bsc_run_atoms *atoms, uint64_t hash,
                      const struct bsc_value *value)
{
    size_t slot = hash & (atoms->slot_count - 1);
    while (atoms->slots[slot] != 0) {
        const struct entry *entry = &atoms->entries[atoms->slots[slot] - 1];
        if (value != NULL && entry->hash == hash && bsc_value_equal(entry->value, value))
            break;
        slot = (slot + 1) & (atoms->slot_count - 1);
    }
    return slot;
}

static void grow(struct bsc_run_atoms *atoms)
{
    bsc_mem_free(atoms->slots);
    atoms->slot_count *= 2;
    atoms->slots = bsc_mem_new(atoms->slot_count, sizeof *atoms->slots);
    for (size_t i = 0; i < atoms->count; i++)
        atoms->slots[slot_of(atoms, atoms->entries[i].hash, NULL)] = (uint32_t)(i + 1);
}

uint32_t bsc_run_atoms_add(struct bsc_run_atoms *atoms, struct bsc_value *value)
{
    uint64_t hash = hash_of(value);
    size_t slot = slot_of(atoms, hash, value);
    if (atoms->slots[slot] != 0) {
        bsc_value_free(value);
        return atoms->slots[slot];
    }
    if ((atoms->count & (atoms->count - 1)) == 0)
        atoms->entries = bsc_mem_resize(atoms->entries, atoms->count == 0 ? 1 : atoms->count * 2,
                                        sizeof *atoms->entries);
    atoms->entries[atoms->count++] = (struct entry){value, hash};
    uint32_t atom = (uint32_t)atoms->count;
    atoms->slots[slot] = atom;
    if (atoms->count * 2 > atoms->slot_count)
        grow(atoms);
    return atom;
}

uint32_t bsc_run_atoms_add_text(struct bsc_run_atoms *atoms, const char *text)
{
    return bsc_run_atoms_add(atoms, bsc_value_text(text));
}

const struct bsc_value *bsc_run_atoms_get(const struct bsc_run_atoms *atoms, uint32_t atom)
{
    return atom == 0 ? NULL : atoms->entries[atom - 1].value;
}

size_t bsc_run_atoms_count(const struct bsc_run_atoms *atoms)
{
    return atoms->count;
}
