/* The floor: what starting N processes costs with nothing else around it. Each call gets a pipe for its output, a process
 * group of its own and is reaped; J are in flight. Keeps no output, knows no order. One thread starts all of them, as
 * xargs, make and ninja do; with -t J threads start one after the other, so that none waits while another's program begins.
 *
 *     floor [-t] N J PROGRAM [ARGUMENT...]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 64

extern char **environ;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* Starts one call; gives its process, and the end of its pipe that we read. */
static pid_t start(char **argv, struct pollfd *reading) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe2");
    pid_t child = vfork();
    if (child < 0) fail("vfork");
    if (child == 0) {
        setpgid(0, 0);
        dup2(ends[1], 1);
        execve(argv[0], argv, environ);
        _exit(127);
    }
    close(ends[1]);
    reading->fd = ends[0];
    reading->events = POLLIN;
    return child;
}

/* Reads what there is; when the pipe has ended, reaps the process and says so. */
static int has_ended(pid_t child, int fd) {
    char kept[65536];
    ssize_t length = read(fd, kept, sizeof kept);
    if (length > 0) return 0;
    close(fd);
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "floor: a call failed\n");
        exit(1);
    }
    return 1;
}

static void all_from_one(int calls, int width, char **argv) {
    pid_t children[MOST];
    struct pollfd reading[MOST];
    int started = 0, ended = 0;
    for (int slot = 0; slot < width; slot++) {
        reading[slot].fd = -1;
        if (started < calls) children[slot] = start(argv, &reading[slot]), started++;
    }
    while (ended < calls) {
        poll(reading, width, -1);
        for (int slot = 0; slot < width; slot++) {
            if (reading[slot].fd < 0 || !reading[slot].revents) continue;
            if (!has_ended(children[slot], reading[slot].fd)) continue;
            reading[slot].fd = -1;
            ended++;
            if (started < calls) children[slot] = start(argv, &reading[slot]), started++;
        }
    }
}

struct share {
    int calls;
    char **argv;
};

static void *one_after_the_other(void *given) {
    struct share *share = given;
    for (int ended = 0; ended < share->calls; ended++) {
        struct pollfd reading;
        pid_t child = start(share->argv, &reading);
        do poll(&reading, 1, -1);
        while (!has_ended(child, reading.fd));
    }
    return NULL;
}

static void from_threads(int calls, int width, char **argv) {
    pthread_t threads[MOST];
    struct share shares[MOST];
    for (int slot = 0; slot < width; slot++) {
        shares[slot] = (struct share){calls / width + (slot < calls % width), argv};
        if (pthread_create(&threads[slot], NULL, one_after_the_other, &shares[slot]) != 0) fail("pthread_create");
    }
    for (int slot = 0; slot < width; slot++) pthread_join(threads[slot], NULL);
}

int main(int count, char **words) {
    int threads = count > 1 && strcmp(words[1], "-t") == 0;
    count -= threads, words += threads;
    int calls = count > 3 ? atoi(words[1]) : 0;
    int width = count > 3 ? atoi(words[2]) : 0;
    if (calls < 1 || width < 1 || width > MOST) {
        fprintf(stderr, "floor [-t] N J PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    (threads ? from_threads : all_from_one)(calls, width, words + 3);
    return 0;
}
