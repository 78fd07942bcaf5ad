/* The floor: what starting N processes costs with nothing else around it. Each call gets a pipe for its output, a process
 * group of its own and is reaped; J are in flight. Keeps no output, checks no exit code, knows no order.
 *
 *     floor N J PROGRAM [ARGUMENT...]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
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

int main(int count, char **words) {
    int calls = count > 3 ? atoi(words[1]) : 0;
    int width = count > 3 ? atoi(words[2]) : 0;
    if (calls < 1 || width < 1 || width > MOST) {
        fprintf(stderr, "floor N J PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    pid_t children[MOST];
    struct pollfd reading[MOST];
    int started = 0, ended = 0;
    for (int slot = 0; slot < width; slot++) {
        reading[slot].fd = -1;
        if (started < calls) children[slot] = start(words + 3, &reading[slot]), started++;
    }
    while (ended < calls) {
        poll(reading, width, -1);
        for (int slot = 0; slot < width; slot++) {
            if (reading[slot].fd < 0 || !reading[slot].revents) continue;
            if (!has_ended(children[slot], reading[slot].fd)) continue;
            reading[slot].fd = -1;
            ended++;
            if (started < calls) children[slot] = start(words + 3, &reading[slot]), started++;
        }
    }
    return 0;
}
