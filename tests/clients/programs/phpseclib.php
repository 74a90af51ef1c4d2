<?php
// phpseclib 2 (Debian php-phpseclib): see README.txt.
require_once 'phpseclib/autoload.php';
use phpseclib\Crypt\RSA;
use phpseclib\Net\SFTP;

[$self, $host, $port, $user, $keyfile] = $argv;
$sftp = new SFTP($host, (int) $port, 20);
$key = new RSA();
$key->loadKey(file_get_contents($keyfile));
if (!$sftp->login($user, $key)) {
    fwrite(STDERR, "login failed\n");
    exit(2);
}
$failed = 0;
while (($line = fgets(STDIN)) !== false) {
    $w = explode("\t", rtrim($line, "\n"));
    switch ($w[0]) {
        case 'list': $r = $sftp->nlist($w[1]); $out = $r ? implode(' ', $r) : ''; break;
        case 'put': $r = $sftp->put($w[2], $w[1], SFTP::SOURCE_LOCAL_FILE); $out = ''; break;
        case 'get': $r = $sftp->get($w[1], $w[2]); $out = ''; break;
        case 'rename': $r = $sftp->rename($w[1], $w[2]); $out = ''; break;
        case 'remove': $r = $sftp->delete($w[1], false); $out = ''; break;
        case 'touch': $r = $sftp->touch($w[1], 1518426000) && $sftp->chmod(0640, $w[1]) !== false; $out = ''; break;
        case 'stat': $r = $sftp->stat($w[1]); $out = ''; break;
    }
    if ($r === false) { $failed = 1; echo "error ", $sftp->getLastSFTPError(), "\n"; } else { echo "ok $out\n"; }
}
exit($failed);
