/* libssh (Debian libssh-dev): see README.txt. cc libssh_client.c -lssh */
#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>

static int put(sftp_session s, const char *local, const char *remote)
{
    char block[32000];
    size_t n;
    FILE *source = fopen(local, "rb");
    if (!source) return -1;
    sftp_file target = sftp_open(s, remote, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    if (!target) { fclose(source); return -1; }
    int failed = 0;
    while (!failed && (n = fread(block, 1, sizeof block, source)) > 0)
        failed = sftp_write(target, block, n) != (ssize_t) n;
    fclose(source);
    return sftp_close(target) != SSH_OK || failed ? -1 : 0;
}

static int get(sftp_session s, const char *remote, const char *local)
{
    char block[32000];
    ssize_t n;
    sftp_file source = sftp_open(s, remote, O_RDONLY, 0);
    if (!source) return -1;
    FILE *target = fopen(local, "wb");
    while ((n = sftp_read(source, block, sizeof block)) > 0) fwrite(block, 1, (size_t) n, target);
    fclose(target);
    return sftp_close(source) != SSH_OK || n < 0 ? -1 : 0;
}

static int list(sftp_session s, const char *path)
{
    sftp_dir folder = sftp_opendir(s, path);
    if (!folder) return -1;
    sftp_attributes entry;
    printf("ok ");
    while ((entry = sftp_readdir(s, folder))) { printf("%s ", entry->name); sftp_attributes_free(entry); }
    printf("\n");
    return sftp_closedir(folder);
}

int main(int argc, char **argv)
{
    ssh_session session = ssh_new();
    ssh_key key;
    int port = atoi(argv[2]), failed = 0;
    (void) argc;
    ssh_options_set(session, SSH_OPTIONS_HOST, argv[1]);
    ssh_options_set(session, SSH_OPTIONS_PORT, &port);
    ssh_options_set(session, SSH_OPTIONS_USER, argv[3]);
    if (ssh_connect(session) != SSH_OK || ssh_pki_import_privkey_file(argv[4], NULL, NULL, NULL, &key) != SSH_OK
        || ssh_userauth_publickey(session, NULL, key) != SSH_AUTH_SUCCESS) {
        fprintf(stderr, "%s\n", ssh_get_error(session));
        return 2;
    }
    sftp_session s = sftp_new(session);
    if (!s || sftp_init(s) != SSH_OK) return 2;
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        char *what = strtok(line, "\t"), *a = strtok(NULL, "\t"), *b = strtok(NULL, "\t");
        int r = -1, listed = 0;
        struct timeval times[2] = {{1518426000, 0}, {1518426000, 0}};
        if (!strcmp(what, "list")) { r = list(s, a); listed = r == 0; }
        else if (!strcmp(what, "put")) r = put(s, a, b);
        else if (!strcmp(what, "get")) r = get(s, a, b);
        else if (!strcmp(what, "rename")) r = sftp_rename(s, a, b);
        else if (!strcmp(what, "remove")) r = sftp_unlink(s, a);
        else if (!strcmp(what, "touch")) r = sftp_utimes(s, a, times) || sftp_chmod(s, a, 0640) ? -1 : 0;
        else if (!strcmp(what, "stat")) { sftp_attributes found = sftp_stat(s, a); r = found ? 0 : -1; sftp_attributes_free(found); }
        if (r) { failed = 1; printf("error %d %s\n", sftp_get_error(s), ssh_get_error(session)); }
        else if (!listed) printf("ok \n");
        fflush(stdout);
    }
    sftp_free(s);
    ssh_disconnect(session);
    return failed;
}
