/* Files that can't be used, or not as they are: each gets its status and a message, and stays as it was. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <sys/stat.h>
#include <unistd.h>

/* Opening answers this status, with a message that names what it is about. */
static void refused(const char *url, holdall_status expected, const char *part)
{
    holdall *bag = NULL;
    holdall_error *error = NULL;
    STATUS(expected, holdall_open(url, strlen(url), NULL, &bag, &error));
    if (!CHECK(strstr(holdall_error_message(error), part) != NULL && bag == NULL)) {
        printf("    %s: '%s' is not in '%s'\n", url, part, holdall_error_message(error));
    }
    holdall_error_free(error);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(bytes, 1, len, file) == len);
    if (file != NULL) {
        fclose(file);
    }
}

static char content[1 << 20];

static size_t read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t len = 0;
    if (CHECK(file != NULL)) {
        len = fread(content, 1, sizeof content, file);
        fclose(file);
    }
    return len;
}

/* Makes a file with one session in it, closed; gives the session's id. */
static void make(const char *url, char id[33])
{
    holdall *bag = must_open(url);
    holdall_session *s = must_session(bag, "");
    holdall_buf buf = {0};
    OK(holdall_session_set_json(s, TEXT("n"), TEXT("\"precious\""), NULL));
    OK(holdall_session_save(s, HOLDALL_DEFAULT, NULL));
    OK(holdall_session_id(s, &buf, NULL));
    memcpy(id, buf.ptr, 33);
    holdall_buf_free(&buf);
    holdall_session_free(s);
    OK(holdall_close(bag, 10000, NULL, NULL));
}

static int has_session(holdall *bag, const char *id)
{
    holdall_session *s = NULL;
    holdall_buf buf = {0};
    int found = holdall_session_open(bag, id, 32, HOLDALL_EXISTING, &s, NULL) == HOLDALL_OK &&
        holdall_session_get_json(s, TEXT("n"), &buf, NULL) == HOLDALL_OK;
    holdall_buf_free(&buf);
    holdall_session_free(s);
    return found;
}

/* Changes every place of a text in a file to another text of the same length. */
static void change(const char *path, const char *from, const char *to)
{
    size_t len = read_file(path), at, size = strlen(from);
    int changed = 0;
    for (at = 0; at + size <= len; at++) {
        if (memcmp(content + at, from, size) == 0) {
            memcpy(content + at, to, size);
            changed++;
        }
    }
    CHECK(changed > 0);
    write_file(path, content, len);
}

static void places(void)
{
    refused("sqlite:no/such/folder/x.db", HOLDALL_CONFIG, "no/such/folder/x.db");
    write_file("plain", "a file", 6);
    refused("sqlite:plain/x.db", HOLDALL_CONFIG, "plain/x.db"); /* the folder is a file */
    CHECK(mkdir("folder", 0700) == 0);
    refused("sqlite:folder", HOLDALL_CONFIG, "folder");
    if (geteuid() != 0) { /* nothing is closed to root */
        CHECK(mkdir("closed", 0500) == 0);
        refused("sqlite:closed/x.db", HOLDALL_CONFIG, "closed/x.db");
    }
}

static void rights(void)
{
    char id[33];
    struct stat found;
    make("sqlite:rights.db", id);
    CHECK(stat("rights.db", &found) == 0 && (found.st_mode & 0777) == 0600);
    if (geteuid() != 0) {
        CHECK(chmod("rights.db", 0400) == 0);
        refused("sqlite:rights.db", HOLDALL_CONFIG, "rights.db");
    }
}

static void no_database(void)
{
    static const char text[] = "This is a diary, not a database. It is longer than the head of a SQLite file, and precious: "
                               "nobody may write into it, whatever it was given to as a database.";
    size_t len;
    write_file("diary", text, sizeof text);
    refused("sqlite:diary", HOLDALL_CONFIG, "diary");
    len = read_file("diary");
    CHECK(len == sizeof text && memcmp(content, text, len) == 0);
}

static void another_shape(void)
{
    char id[33];
    holdall *bag;
    size_t len;
    make("sqlite:shape.db", id);
    change("shape.db", "principal", "prinzipal");
    refused("sqlite:shape.db", HOLDALL_CONFIG, "shape");
    len = read_file("shape.db");
    refused("sqlite:shape.db", HOLDALL_CONFIG, "shape.db");
    CHECK(read_file("shape.db") == len);
    change("shape.db", "prinzipal", "principal"); /* as it was */
    bag = must_open("sqlite:shape.db");
    CHECK(has_session(bag, id));
    OK(holdall_close(bag, 10000, NULL, NULL));
}

/* Bytes 60 to 63 of a SQLite file are the version of its tables, 68 to 71 say whose they are. */
static void set_number(const char *path, size_t at, unsigned char value)
{
    size_t len = read_file(path);
    CHECK(len > at);
    content[at] = (char)value;
    write_file(path, content, len);
}

static void newer_format(void)
{
    char id[33];
    holdall *bag;
    make("sqlite:newer.db", id);
    set_number("newer.db", 63, 99);
    refused("sqlite:newer.db", HOLDALL_CONFIG, "newer");
    set_number("newer.db", 63, 1);
    bag = must_open("sqlite:newer.db");
    CHECK(has_session(bag, id));
    OK(holdall_close(bag, 10000, NULL, NULL));
    set_number("newer.db", 68, 0); /* no longer ours */
    refused("sqlite:newer.db", HOLDALL_CONFIG, "another program");
}

/* Two bags on one file, as two processes would be: what one stores the other one sees. */
static void two_bags(void)
{
    holdall_options *o = NULL;
    holdall *a = NULL, *b = NULL;
    holdall_session *s, *t = NULL;
    holdall_buf id = {0}, buf = {0};
    OK(holdall_options_new(&o, NULL));
    OK(holdall_options_set_sharing(o, HOLDALL_FLEET, NULL));
    OK(holdall_open(TEXT("sqlite:two.db"), o, &a, NULL));
    OK(holdall_open(TEXT("sqlite:two.db"), o, &b, NULL));
    holdall_options_free(o);
    s = must_session(a, "");
    OK(holdall_session_set_json(s, TEXT("a"), TEXT("1"), NULL));
    OK(holdall_session_save(s, HOLDALL_DEFAULT, NULL));
    OK(holdall_session_id(s, &id, NULL));
    OK(holdall_session_open(b, id.ptr, id.len, HOLDALL_EXISTING, &t, NULL));
    OK(holdall_session_set_json(t, TEXT("b"), TEXT("2"), NULL));
    OK(holdall_session_save(t, HOLDALL_DEFAULT, NULL));
    OK(holdall_session_set_json(s, TEXT("c"), TEXT("3"), NULL));
    OK(holdall_session_save(s, HOLDALL_DEFAULT, NULL)); /* merged, field by field */
    holdall_session_free(t);
    OK(holdall_session_open(b, id.ptr, id.len, HOLDALL_EXISTING, &t, NULL));
    OK(holdall_session_to_json(t, &buf, NULL));
    CHECK(holds(&buf, "{\"a\":1,\"b\":2,\"c\":3}"));
    OK(holdall_session_destroy(s, NULL)); /* a logout here is one there */
    OK(holdall_session_set_json(t, TEXT("late"), TEXT("4"), NULL));
    STATUS(HOLDALL_GONE, holdall_session_save(t, HOLDALL_DEFAULT, NULL));
    holdall_session_free(t);
    STATUS(HOLDALL_GONE, holdall_session_open(b, id.ptr, id.len, HOLDALL_EXISTING, &t, NULL));
    holdall_session_free(s);
    holdall_buf_free(&id);
    OK(holdall_close(a, 10000, NULL, NULL));
    OK(holdall_close(b, 10000, NULL, NULL));
}

/* Damage in the middle of the file is an error, and never an empty session. */
static void damaged_row(void)
{
    char id[33];
    holdall *bag = NULL;
    holdall_session *s = NULL;
    holdall_error *error = NULL;
    make("sqlite:damaged.db", id);
    change("damaged.db", "\"precious\"", "\"precious "); /* a JSON text without its end */
    bag = must_open("sqlite:damaged.db");
    STATUS(HOLDALL_CORRUPT, holdall_session_open(bag, id, 32, HOLDALL_STRICT, &s, &error));
    CHECK(strlen(holdall_error_message(error)) > 10 && strstr(holdall_error_message(error), "precious") == NULL &&
        strstr(holdall_error_message(error), id) == NULL);
    holdall_error_free(error);
    OK(holdall_close(bag, 10000, NULL, NULL));
    change("damaged.db", "\"precious ", "\"precious\""); /* nothing was written over it */
    bag = must_open("sqlite:damaged.db");
    CHECK(has_session(bag, id));
    OK(holdall_close(bag, 10000, NULL, NULL));
}

int main(void)
{
    places();
    rights();
    no_database();
    another_shape();
    newer_format();
    two_bags();
    damaged_row();
    return finish();
}
