<#
.SYNOPSIS
    Deliver one file to the gateway with the WinSCP .NET assembly, and know that it was received.

.DESCRIPTION
    NOT RUN: this script was written from WinSCP's documentation and could not be run where the gateway is made and
    tested. Try it first with -Trial, and tell the service desk what did not work.

    Does: uploads under NAME.filepart and renames (WinSCP does both), then looks in the outbox for a receipt with the
    file's own SHA-256. With -Wait it waits for the technical report.
    Needs: Windows PowerShell 5.1 or PowerShell 7, WinSCP 6 with its .NET assembly (WinSCPnet.dll and WinSCP.exe side by
    side), a private key in PuTTY's form (.ppk; WinSCP's PuTTYgen makes one of an OpenSSH key).
    Does not: accept a host key that you did not give, or read a report: fetch.ps1 brings it home.

    Exit codes: 0 received (with -Wait: approved), 1 rejected, 2 wrong arguments, 3 refused, 4 try again later,
    5 wrong host key or login.

.EXAMPLE
    .\put.ps1 -File C:\monitor\WMO_0363_2017H2.csv -HostName gateway.example.nl -Login anna.0363 `
        -Key C:\keys\anna.ppk -HostKey "ssh-ed25519 255 AbCd...=" -Wait
#>
param(
    [Parameter(Mandatory)] [string] $File,
    [string] $HostName = $env:GATEWAY_HOST,
    [int] $Port = $(if ($env:GATEWAY_PORT) { [int] $env:GATEWAY_PORT } else { 22 }),
    [string] $Login = $env:GATEWAY_LOGIN,
    [string] $Key = $env:GATEWAY_KEY,
    # As WinSCP shows it: "ssh-ed25519 255 ..." with the SHA-256 fingerprint; not the MD5 one.
    [string] $HostKey = $env:GATEWAY_HOST_KEY,
    [string] $Municipality = $env:GATEWAY_MUNICIPALITY,
    [string] $WinScp = "${env:ProgramFiles(x86)}\WinSCP\WinSCPnet.dll",
    [int] $TimeoutSeconds = 600,
    [switch] $Trial,
    [switch] $Wait
)

$ErrorActionPreference = "Stop"
Set-StrictMode -Version 2

function Stop-With([int] $Code, [string] $Text) {
    [Console]::Error.WriteLine($Text)
    exit $Code
}

# --- arguments ------------------------------------------------------------------------------------------------------

if (-not ($HostName -and $Login -and $Key -and $HostKey)) {
    Stop-With 2 "Geef | give -HostName -Login -Key -HostKey"
}
if (-not (Test-Path -LiteralPath $File -PathType Leaf)) { Stop-With 2 "${File}: geen bestand | not a file" }
$name = Split-Path -Path $File -Leaf
if ($name -cnotmatch '^[A-Za-z0-9._-]+$') { Stop-With 2 "${name}: alleen | only A-Z a-z 0-9 . _ -" }
if (-not $Municipality) {
    $codes = @($name -split '[._-]' | Where-Object { $_ -match '^[0-9]{4}$' } | Select-Object -Unique)
    if ($codes.Count -ne 1) { Stop-With 2 "Voor welke gemeente? | For which municipality? Give -Municipality" }
    $Municipality = $codes[0]
}
$inbox = if ($Trial) { "/$Municipality/inbox/proef/" } else { "/$Municipality/inbox/" }
$outbox = "/$Municipality/outbox"
$digest = (Get-FileHash -LiteralPath $File -Algorithm SHA256).Hash.ToLowerInvariant()
Add-Type -Path $WinScp

# --- what lies in the outbox ----------------------------------------------------------------------------------------

function Get-OutboxNames($Session) {
    foreach ($folder in @($outbox, "$outbox/opgehaald")) {
        $Session.ListDirectory($folder).Files | Where-Object { -not $_.IsDirectory } | ForEach-Object { $_.Name }
    }
}

# The new receipt that bears this file's checksum, as an object; $null when there is none.
function Find-Receipt($Session, [string[]] $Before) {
    $folder = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid())
    New-Item -ItemType Directory -Path $folder | Out-Null
    try {
        $new = Get-OutboxNames $Session |
            Where-Object { $_ -cmatch '^OB_.*_(ONTVANGEN|HERHALING)\.json$' -and $Before -notcontains $_ }
        foreach ($each in $new) {
            # An acknowledged report can still be opened under its name in the outbox.
            $local = Join-Path $folder $each
            $Session.GetFiles("$outbox/$each", $local).Check()
            $document = Get-Content -LiteralPath $local -Raw -Encoding UTF8 | ConvertFrom-Json
            if ($document.file.sha256 -eq $digest) { return $document }
        }
        return $null
    }
    finally { Remove-Item -LiteralPath $folder -Recurse -Force }
}

# --- delivering -----------------------------------------------------------------------------------------------------

$options = New-Object WinSCP.SessionOptions -Property @{
    Protocol = [WinSCP.Protocol]::Sftp
    HostName = $HostName
    PortNumber = $Port
    UserName = $Login
    SshPrivateKeyPath = $Key
    SshHostKeyFingerprint = $HostKey
    Timeout = [TimeSpan]::FromSeconds(60)
}
$transfer = New-Object WinSCP.TransferOptions
$transfer.TransferMode = [WinSCP.TransferMode]::Binary
$transfer.PreserveTimestamp = $false
# On: always NAME.filepart and a rename, also for small files.
$transfer.ResumeSupport.State = [WinSCP.TransferResumeSupportState]::On

$until = (Get-Date).AddSeconds($TimeoutSeconds)
$pause = 2
$before = $null
$receipt = $null
$why = ""
while ($null -eq $receipt) {
    $session = New-Object WinSCP.Session
    try {
        $session.Open($options)
        if ($null -eq $before) { $before = @(Get-OutboxNames $session) }
        # After an attempt of which the end is not known: was it received after all?
        $receipt = Find-Receipt $session $before
        if ($null -eq $receipt) {
            $session.PutFiles([WinSCP.RemotePath]::EscapeFileMask((Resolve-Path -LiteralPath $File).ProviderPath),
                $inbox, $false, $transfer).Check()
            $receipt = Find-Receipt $session $before
            $why = "nog geen ontvangstbevestiging | no receipt yet"
        }
    }
    catch {
        $why = $_.Exception.GetBaseException().Message
        if ($why -match 'host key|Host key') { Stop-With 5 "GEVAAR: andere hostsleutel | DANGER: $why" }
        if ($why -match 'Authentication failed|No supported authentication|Access denied') { Stop-With 5 $why }
        # The gateway's own sentence, "CODE nl | en", is in WinSCP's message; PERMISSION_DENIED is status 3.
        if ($why -match 'Permission denied|Error code: 3') { Stop-With 3 "${name}: GEWEIGERD | REFUSED. $why" }
    }
    finally { $session.Dispose() }
    if ($null -eq $receipt) {
        if ((Get-Date) -ge $until) { Stop-With 4 "${name}: probeer het later opnieuw | try again later. $why" }
        Start-Sleep -Seconds $pause
        $pause = [Math]::Min(60, $pause * 2)
    }
}
Write-Output "${name}: $($receipt.outcome), $($receipt.drop_id)"
if (-not $Wait) { exit 0 }

# --- the verdict ----------------------------------------------------------------------------------------------------

# A repeat was checked when it first came.
$drop = if ($receipt.first_drop) { $receipt.first_drop } else { $receipt.drop_id }
while ($true) {
    $session = New-Object WinSCP.Session
    try {
        $session.Open($options)
        $names = @(Get-OutboxNames $session)
        $verdicts = @($names | Where-Object { $_ -cmatch "^TR_.*_${drop}_[A-Z-]+\.json$" })
        if ($verdicts.Count -gt 0) {
            # A ZIP has a report for each file in it; they appear together, and all must be good.
            if (@($verdicts | Where-Object { $_ -cnotmatch '_(PROEF-)?GOEDGEKEURD\.json$' }).Count -gt 0) {
                Stop-With 1 "${name}: AFGEKEURD | REJECTED, $drop"
            }
            Write-Output "${name}: goedgekeurd | approved, $drop"
            exit 0
        }
    }
    catch { $why = $_.Exception.GetBaseException().Message }
    finally { $session.Dispose() }
    if ((Get-Date) -ge $until) { Stop-With 4 "${name}: nog geen technisch rapport | no technical report yet, $drop" }
    Start-Sleep -Seconds 10
}
