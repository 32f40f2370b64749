#include "vm_unit.h"

#include "base/buf.h"
#include "value/json.h"

/* The same numbers in every run. */
static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static struct bsc_value *random_text(uint64_t *seed)
{
    char bytes[40];
    size_t length = next_random(seed) % sizeof bytes;
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)next_random(seed);
    return bsc_value_bytes(bytes, length);
}

static struct bsc_value *random_number(uint64_t *seed)
{
    uint64_t bits = next_random(seed) << 33 ^ next_random(seed) << 10 ^ next_random(seed);
    return bsc_value_int((int64_t)(bits >> next_random(seed) % 64));
}

/* Maps hold no nulls: to Lua they are the same as an absent key. */
static struct bsc_value *random_value(uint64_t *seed, int depth, bool in_map)
{
    switch (next_random(seed) % (depth > 5 ? 5 : 8)) {
    case 0:
        return in_map ? bsc_value_bool(false) : bsc_value_null();
    case 1:
        return bsc_value_bool(next_random(seed) % 2 == 0);
    case 2:
        return random_number(seed);
    case 3:
    case 4:
        return random_text(seed);
    default:
        break;
    }
    bool list = next_random(seed) % 2 == 0;
    struct bsc_value *value = list ? bsc_value_list() : bsc_value_map();
    for (size_t i = next_random(seed) % 7; i > 0; i--) {
        char key[32];
        snprintf(key, sizeof key, "%c key %u", (int)('a' + next_random(seed) % 26),
                 (unsigned)next_random(seed) % 100);
        struct bsc_value *item = random_value(seed, depth + 1, !list);
        if (list)
            bsc_value_append(value, item);
        else
            bsc_value_set(value, key, item);
    }
    return value;
}

static void assert_same_json(const struct bsc_value *a, const struct bsc_value *b)
{
    struct bsc_buf one;
    struct bsc_buf other;
    bsc_buf_init(&one);
    bsc_buf_init(&other);
    bsc_json_canonical(a, &one);
    bsc_json_canonical(b, &other);
    assert_string_equal(one.data, other.data);
    bsc_buf_release(&one);
    bsc_buf_release(&other);
}

static void random_values_come_back_the_same(void **state)
{
    (void)state;
    uint64_t seed = 42;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    for (int i = 0; i < 2000; i++) {
        struct bsc_value *value = random_value(&seed, 0, false);
        struct bsc_value *back = bsc_vm_call(vm, "echo", value, &err);
        assert_non_null(back);
        assert_int_equal(bsc_value_kind(value), bsc_value_kind(back));
        assert_same_json(value, back);
        bsc_value_free(value);
        bsc_value_free(back);
    }
    bsc_vm_collect(vm);
    assert_true(bsc_vm_memory(vm) < 1000000);
    bsc_vm_free(vm);
}

/* The canonical JSON of what a runbook's text returns. */
static void expect_json(struct bsc_vm *vm, const char *text, const char *wanted)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf json;
    struct bsc_value *value = vm_unit_run(vm, text, &err);
    if (value == NULL)
        print_error("%s: %s\n", text, err.message);
    assert_non_null(value);
    bsc_buf_init(&json);
    bsc_json_canonical(value, &json);
    assert_string_equal(json.data, wanted);
    bsc_buf_release(&json);
    bsc_value_free(value);
}

static void tables_become_lists_or_maps(void **state)
{
    (void)state;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    expect_json(vm, "return {}", "{}");
    expect_json(vm, "return list {}", "[]");
    expect_json(vm, "return { 1, 'two', { 3 } }", "[1,\"two\",[3]]");
    expect_json(vm, "return list { 1, null, 3 }", "[1,null,3]");
    expect_json(vm, "return { b = 1, a = { c = true } }", "{\"a\":{\"c\":true},\"b\":1}");
    expect_json(vm, "return { a = null, b = nil }", "{\"a\":null}");
    expect_json(vm, "return nil", "null");
    expect_json(vm, "local t = list { 1, 2 } t[3] = 3 t[1] = nil t[1] = 0 return t", "[0,2,3]");
    bsc_vm_free(vm);
}

static void numbers_stay_whole(void **state)
{
    (void)state;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    expect_json(vm, "return { math.maxinteger, math.mininteger, 3.0, -0.0, 2^53 }",
                "[9223372036854775807,-9223372036854775808,3,0,9007199254740992]");
    vm_unit_expect_error(vm, "return { a = { 1, 2.5 } }", "not whole");
    vm_unit_expect_error(vm, "return { a = { 1, 2.5 } }", "\"a[2]\"");
    vm_unit_expect_error(vm, "return 2^63", "not whole");
    bsc_vm_free(vm);
}

static void keys_leave_in_order(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    struct bsc_value *map = vm_unit_run(
        vm, "local t = {} for i = 100, 199 do t['k' .. i * 7 % 100 + 100] = i end return t", &err);
    assert_int_equal(bsc_value_count(map), 100);
    for (size_t i = 0; i < 100; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%zu", 100 + i);
        assert_string_equal(bsc_value_key_at(map, i), key);
    }
    bsc_value_free(map);
    bsc_vm_free(vm);
}

static void lists_from_the_host_are_marked_and_nulls_absent(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    static const char json[] = "{\"empty\":[],\"three\":[1,null,3],\"none\":null}";
    struct bsc_value *args = bsc_json_parse("test", json, sizeof json - 1, &err);
    bsc_value_set_text(args, "text",
                       "local args = ... return tostring(getmetatable(args.empty)) .. #args.three\n"
                       ".. tostring(args.three[2] == null) .. tostring(args.none)");
    struct bsc_value *result = bsc_vm_call(vm, "run", args, &err);
    assert_string_equal(bsc_value_string(result), "list3truenil");
    bsc_value_free(result);
    bsc_value_free(args);
    bsc_vm_free(vm);
}

static struct bsc_value *nested(int depth)
{
    struct bsc_value *value = bsc_value_int(1);
    for (int i = 0; i < depth; i++) {
        struct bsc_value *list = bsc_value_list();
        bsc_value_append(list, value);
        value = list;
    }
    return value;
}

static void nesting_is_limited_both_ways(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    struct bsc_value *fits = nested(63);
    struct bsc_value *deep = nested(65);
    struct bsc_value *back = bsc_vm_call(vm, "echo", fits, &err);
    assert_non_null(back);
    assert_null(bsc_vm_call(vm, "echo", deep, &err));
    assert_non_null(strstr(err.message, "deeper than 64"));
    bsc_value_free(back);
    bsc_value_free(fits);
    bsc_value_free(deep);
    bsc_vm_free(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_values_come_back_the_same),
        cmocka_unit_test(tables_become_lists_or_maps),
        cmocka_unit_test(numbers_stay_whole),
        cmocka_unit_test(keys_leave_in_order),
        cmocka_unit_test(lists_from_the_host_are_marked_and_nulls_absent),
        cmocka_unit_test(nesting_is_limited_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
