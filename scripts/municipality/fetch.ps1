<#
.SYNOPSIS
    Bring the reports of the outbox home with the WinSCP .NET assembly, verified, each once.

.DESCRIPTION
    NOT RUN: this script was written from WinSCP's documentation and could not be run where the gateway is made and
    tested. Try it first without -Confirm, and tell the service desk what did not work.

    Does: for every municipality that the account sees, brings each report set into DIRECTORY\CODE, holds its files
    against the SHA-256 that its JSON lists, and puts the JSON in place last. What lies there whole is skipped.
    Needs: Windows PowerShell 5.1 or PowerShell 7, WinSCP 6 with its .NET assembly (WinSCPnet.dll and WinSCP.exe side by
    side), a private key in PuTTY's form (.ppk).
    Does not: acknowledge what it could not verify, or remove anything at home.

    Exit codes: 0 nothing is wrong, also when there is nothing new; 1 a report does not match its checksums;
    2 wrong arguments; 4 try again later; 5 wrong host key or login.

.EXAMPLE
    .\fetch.ps1 -Directory C:\monitor\rapporten -HostName gateway.example.nl -Login anna.0363 `
        -Key C:\keys\anna.ppk -HostKey "ssh-ed25519 255 AbCd...=" -Confirm
#>
param(
    [string] $Directory = "reports",
    [string] $HostName = $env:GATEWAY_HOST,
    [int] $Port = $(if ($env:GATEWAY_PORT) { [int] $env:GATEWAY_PORT } else { 22 }),
    [string] $Login = $env:GATEWAY_LOGIN,
    [string] $Key = $env:GATEWAY_KEY,
    # As WinSCP shows it: "ssh-ed25519 255 ..." with the SHA-256 fingerprint; not the MD5 one.
    [string] $HostKey = $env:GATEWAY_HOST_KEY,
    [string] $WinScp = "${env:ProgramFiles(x86)}\WinSCP\WinSCPnet.dll",
    [switch] $Confirm
)

$ErrorActionPreference = "Stop"
Set-StrictMode -Version 2

function Stop-With([int] $Code, [string] $Text) {
    [Console]::Error.WriteLine($Text)
    exit $Code
}

if (-not ($HostName -and $Login -and $Key -and $HostKey)) {
    Stop-With 2 "Geef | give -HostName -Login -Key -HostKey"
}
Add-Type -Path $WinScp
$safe = '^[A-Za-z0-9][A-Za-z0-9_-]{0,200}\.[a-z0-9]{1,8}$'

# Whether every file that a JSON lists lies beside it with the right checksum.
function Test-Set([string] $Document, [string] $Folder) {
    if (-not (Test-Path -LiteralPath $Document)) { return $false }
    try { $files = @((Get-Content -LiteralPath $Document -Raw -Encoding UTF8 | ConvertFrom-Json).files) }
    catch { return $false }
    foreach ($each in $files) {
        $path = Join-Path $Folder $each.name
        # A name never leads out of the folder.
        if ($each.name -cnotmatch $safe -or -not (Test-Path -LiteralPath $path)) { return $false }
        if ((Get-FileHash -LiteralPath $path -Algorithm SHA256).Hash -ne $each.sha256) { return $false }
    }
    return $true
}

$options = New-Object WinSCP.SessionOptions -Property @{
    Protocol = [WinSCP.Protocol]::Sftp
    HostName = $HostName
    PortNumber = $Port
    UserName = $Login
    SshPrivateKeyPath = $Key
    SshHostKeyFingerprint = $HostKey
    Timeout = [TimeSpan]::FromSeconds(60)
}
New-Item -ItemType Directory -Force -Path $Directory | Out-Null
# On the same disk as the reports, so that putting them in place is a rename.
$work = Join-Path $Directory (".fetch." + [Guid]::NewGuid())
New-Item -ItemType Directory -Path $work | Out-Null
$wrong = 0
$session = New-Object WinSCP.Session
try {
    $session.Open($options)
    $codes = @($session.ListDirectory("/").Files | Where-Object { $_.Name -match '^[0-9]{4}$' } | ForEach-Object Name)
    foreach ($code in $codes) {
        $outbox = "/$code/outbox"
        $there = Join-Path $Directory $code
        New-Item -ItemType Directory -Force -Path $there | Out-Null
        $names = @($session.ListDirectory($outbox).Files | Where-Object { -not $_.IsDirectory } | ForEach-Object Name)
        foreach ($document in @($names | Where-Object { $_ -cmatch $safe -and $_ -clike '*.json' })) {
            if (-not (Test-Set (Join-Path $there $document) $there)) {
                $stem = $document.Substring(0, $document.Length - 5)
                $set = @($names | Where-Object { $_ -cmatch $safe -and $_.StartsWith("$stem.") })
                foreach ($each in $set) { $session.GetFiles("$outbox/$each", (Join-Path $work $each)).Check() }
                if (-not (Test-Set (Join-Path $work $document) $work)) {
                    [Console]::Error.WriteLine("$code/${stem}: controlegetal klopt niet | checksum is wrong")
                    $wrong = 1
                    continue
                }
                # The JSON last: when it is there, all is there.
                foreach ($each in @($set | Where-Object { $_ -cne $document }) + $document) {
                    Move-Item -LiteralPath (Join-Path $work $each) -Destination (Join-Path $there $each) -Force
                }
                Write-Output "$code/$stem"
            }
            if ($Confirm) {
                $session.RemoveFiles([WinSCP.RemotePath]::EscapeFileMask("$outbox/$document")).Check()
            }
        }
    }
}
catch {
    $why = $_.Exception.GetBaseException().Message
    if ($why -match 'host key|Host key') { Stop-With 5 "GEVAAR: andere hostsleutel | DANGER: $why" }
    if ($why -match 'Authentication failed|No supported authentication|Access denied') { Stop-With 5 $why }
    Stop-With 4 "Probeer het later opnieuw | Try again later. $why"
}
finally {
    $session.Dispose()
    Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue
}
exit $wrong
