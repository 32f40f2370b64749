#include "run_unit.h"

#include "run/atoms.h"
#include "run/words.h"

static void equal_values_are_one_atom(void **state)
{
    (void)state;
    struct bsc_run_atoms *atoms = bsc_run_atoms_new();
    uint32_t one = bsc_run_atoms_add(atoms, from_json("{'a':1,'b':[1,2]}"));
    uint32_t other = bsc_run_atoms_add(atoms, from_json("{'a':1,'b':[2,1]}"));
    assert_int_not_equal(one, 0);
    assert_int_not_equal(one, other);
    assert_int_equal(bsc_run_atoms_add(atoms, from_json("{'b':[1,2],'a':1}")), one);
    assert_int_equal(bsc_run_atoms_count(atoms), 2);
    assert_json(bsc_run_atoms_get(atoms, other), "{'a':1,'b':[2,1]}");
    assert_null(bsc_run_atoms_get(atoms, 0));
    bsc_run_atoms_free(atoms);
}

static void many_atoms_keep_their_numbers(void **state)
{
    enum { MANY = 5000 };
    (void)state;
    struct bsc_run_atoms *atoms = bsc_run_atoms_new();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++)
            assert_int_equal(bsc_run_atoms_add(atoms, bsc_value_int(i)), i + 1);
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(bsc_value_number(bsc_run_atoms_get(atoms, (uint32_t)i + 1), -1), i);
    assert_int_equal(bsc_run_atoms_count(atoms), MANY);
    bsc_run_atoms_free(atoms);
}

static void equal_sequences_are_one(void **state)
{
    (void)state;
    bool is_new = false;
    size_t length = 9;
    const uint32_t sequence[] = {7, 0, 7};
    struct bsc_run_words *words = bsc_run_words_new();
    assert_int_equal(bsc_run_words_add(words, sequence, 3, &is_new), 0);
    assert_true(is_new);
    assert_int_equal(bsc_run_words_add(words, sequence, 2, &is_new), 1);
    assert_int_equal(bsc_run_words_add(words, NULL, 0, &is_new), 2);
    assert_true(is_new);
    assert_int_equal(bsc_run_words_add(words, sequence, 3, &is_new), 0);
    assert_false(is_new);
    assert_memory_equal(bsc_run_words_get(words, 0, &length), sequence, sizeof sequence);
    assert_int_equal(length, 3);
    bsc_run_words_get(words, 2, &length);
    assert_int_equal(length, 0);
    bsc_run_words_free(words);
}

static void many_sequences_keep_their_numbers(void **state)
{
    enum { MANY = 20000 };
    (void)state;
    bool is_new = false;
    struct bsc_run_words *words = bsc_run_words_new();
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < MANY; i++) {
            const uint32_t sequence[] = {i % 3, i, i * 7};
            assert_int_equal(bsc_run_words_add(words, sequence, 1 + i % 3, &is_new),
                             bsc_run_words_add(words, sequence, 1 + i % 3, &is_new));
            assert_false(is_new);
        }
    }
    assert_true(bsc_run_words_count(words) <= MANY);
    bsc_run_words_free(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_values_are_one_atom),
        cmocka_unit_test(many_atoms_keep_their_numbers),
        cmocka_unit_test(equal_sequences_are_one),
        cmocka_unit_test(many_sequences_keep_their_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
