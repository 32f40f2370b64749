#include "unit.h"

#include "value/digest.h"
#include "value/json.h"

static void the_known_hashes_come_out(void **state)
{
    (void)state;
    char hex[BSC_DIGEST_HEX];
    bsc_digest_text("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    bsc_digest_text("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    char *many = malloc(1000000);
    memset(many, 'a', 1000000);
    bsc_digest_text(many, 1000000, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(many);
}

static void pieces_give_the_same_hash_as_the_whole(void **state)
{
    (void)state;
    unsigned char bytes[1000];
    unsigned char whole[BSC_DIGEST_BYTES];
    unsigned char pieces[BSC_DIGEST_BYTES];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7);
    bsc_digest_bytes(bytes, sizeof bytes, whole);
    for (size_t cut = 0; cut <= sizeof bytes; cut += 37) {
        struct bsc_digest digest;
        bsc_digest_init(&digest);
        bsc_digest_add(&digest, bytes, cut);
        bsc_digest_add(&digest, bytes + cut, sizeof bytes - cut);
        bsc_digest_end(&digest, pieces);
        assert_memory_equal(pieces, whole, sizeof whole);
    }
}

static void the_digest_of_a_value_ignores_the_order_of_keys(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *a = bsc_json_parse("a", "{\"a\":1,\"b\":[true]}", 18, &err);
    struct bsc_value *b = bsc_json_parse("b", "{ \"b\":[true], \"a\":1 }", 21, &err);
    char hex_a[BSC_DIGEST_HEX];
    char hex_b[BSC_DIGEST_HEX];
    char hex_bytes[BSC_DIGEST_HEX];
    bsc_digest_value(a, hex_a);
    bsc_digest_value(b, hex_b);
    assert_string_equal(hex_a, hex_b);
    bsc_digest_text("{\"a\":1,\"b\":[true]}", 18, hex_bytes);
    assert_string_equal(hex_a, hex_bytes);
    bsc_value_free(a);
    bsc_value_free(b);
}

static void random_texts_are_hexadecimal_and_differ(void **state)
{
    (void)state;
    char a[33];
    char b[33];
    bsc_digest_random_hex(a, 32);
    bsc_digest_random_hex(b, 32);
    assert_int_equal(strspn(a, "0123456789abcdef"), 32);
    assert_int_equal(strlen(a), 32);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_known_hashes_come_out),
        cmocka_unit_test(pieces_give_the_same_hash_as_the_whole),
        cmocka_unit_test(the_digest_of_a_value_ignores_the_order_of_keys),
        cmocka_unit_test(random_texts_are_hexadecimal_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
