#!/bin/sh
# Installs one skill of Skillport Sync, or writes it as a .skill package. Read it before you pipe it into a shell:
# everything it does stands here, and nothing runs before the last line, so a download that was cut short runs nothing.
#
# What it does, in this order:
#   1. asks what the link will give. That uses nothing up;
#   2. looks at what is installed under that name. What somebody edited or wrote is not touched unless --force keeps a copy;
#   3. downloads the archive, which uses the link up, and compares its size and SHA-256;
#   4. lists the archive before it unpacks it: plain files below one folder, nothing that a client would run unasked;
#   5. unpacks it outside the folder that skills are loaded from, and compares every file with the list that came with it;
#   6. moves it into place by renaming. A run that is killed in between is mended by the next one.
# What it never does: run anything it downloads, ask for a password, or write anywhere else than said here.
#
# It needs a POSIX shell with the usual tools, tar, curl or wget, and sha256sum, shasum or openssl.

# shellcheck disable=SC2015  # "a && b || die": what stands behind || ends the script

# The service that hands this script out writes its own address here.
BASE_URL='https://skillport.invalid'

usage() {
    cat <<END
Usage: sh -s -- TOKEN [--skill | --package] [--force] [--project] [--dir FOLDER]
       sh -s -- --uninstall NAME [--force] [--project] [--dir FOLDER]
       sh -s -- --check [--project] [--dir FOLDER]

  curl -fsS $base/install.sh | sh -s -- TOKEN --skill
  wget -qO- $base/install.sh | sh -s -- TOKEN --skill

  TOKEN         of a one-time link: ask Claude to install a skill, or GET $base/api/skills/NAME/install
  --package     write /tmp/NAME.skill, to be uploaded to claude.ai or Claude Desktop (this is what happens without a flag)
  --skill       install into ~/.claude/skills, where Claude Code finds it
  --project     into .claude/skills of the current folder instead
  --dir FOLDER  into FOLDER instead; with --package, write the package there
  --force       replace what was edited, what is not ours, or a newer version; a copy of what was changed is kept
  --uninstall   remove an installed skill
  --check       list what is installed and whether it was edited; with SKILLPORT_TOKEN set, also whether there is an update
  --help        this text

SKILLPORT_CONNECTOR_URL names another service than $BASE_URL.
Exit status: 0 done, 1 failed, 2 wrong usage, 3 something of yours is in the way or, with --check, needs attention.
END
}

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "skillport: $*"
    exit 1
}

# For what is left to the person: nothing was changed, and a link was not used up.
refuse() {
    say "skillport: $* Nothing was changed."
    exit 3
}

wrong_usage() {
    say "skillport: $* (--help says how)"
    exit 2
}

# ---------------------------------------------------------------------------------------------------------------- tools

find_tools() {
    # Names, patterns and the order of things are bytes here, whatever language the terminal speaks.
    LC_ALL=C
    export LC_ALL
    umask 022
    if command -v curl >/dev/null 2>&1; then
        http=curl
    elif command -v wget >/dev/null 2>&1; then
        http=wget
        # GNU's can show what the server says, and must not try again by itself: that is decided below. Busybox's knows neither.
        case $(wget --version 2>/dev/null) in *"GNU Wget"*) wget_options='--tries=1 --timeout=60 --content-on-error' ;; esac
    else
        die "curl or wget is needed."
    fi
    if command -v sha256sum >/dev/null 2>&1; then
        sha256=sha256sum
    elif command -v shasum >/dev/null 2>&1; then
        sha256=shasum
    elif command -v openssl >/dev/null 2>&1; then
        sha256=openssl
    else
        die "sha256sum, shasum or openssl is needed: without one, what was downloaded could not be verified."
    fi
}

# The SHA-256 of what comes in, as hexadecimal digits.
hash_of_input() {
    case $sha256 in
    sha256sum) sha256sum ;;
    shasum) shasum -a 256 ;;
    openssl) openssl dgst -sha256 -r ;;
    esac | cut -c 1-64
}

# Whether all files named in $1, a list of "HASH  ./PATH", have these hashes.
hashes_match() {
    case $sha256 in
    sha256sum) sha256sum -c "$1" >/dev/null 2>&1 ;;
    shasum) shasum -a 256 -c "$1" >/dev/null 2>&1 ;;
    openssl)
        while IFS= read -r line; do
            [ "$(hash_of_input 2>/dev/null <"${line#*  }")" = "${line%% *}" ] || return 1
        done <"$1"
        ;;
    esac
}

# Archives may hold names in any language, which some tars refuse to write where the locale knows no letters but ASCII.
run_tar() {
    case $(uname -s) in
    Darwin) LC_ALL=en_US.UTF-8 tar "$@" ;;
    *) LC_ALL=C.UTF-8 tar "$@" ;;
    esac
}

# -------------------------------------------------------------------------------------------------------------- network

# Gets $base$1 into the file $2 and sets $status to the HTTP status, empty where there was none. Fails where the transfer did.
fetch() {
    if [ "$http" = curl ]; then
        said=$(curl -sS -o "$2" -w '\n%{http_code}\n' --connect-timeout 20 --max-time 900 "$base$1" 2>&1)
        failed=$?
        status=$(printf '%s\n' "$said" | sed -n '/^[1-9][0-9][0-9]$/p')
        said=$(printf '%s\n' "$said" | sed -n '/^curl: /p')
    else
        # shellcheck disable=SC2086  # several options, or none
        said=$(wget -S $wget_options -O "$2" "$base$1" 2>&1)
        failed=$?
        status=$(printf '%s\n' "$said" | sed -n 's/.*HTTP\/[0-9.]* \([1-9][0-9][0-9]\).*/\1/p' | tail -n 1)
        case $status in [45]??) failed=0 ;; esac
        said=$(printf '%s\n' "$said" | tail -n 1)
    fi
    return "$failed"
}

# Says why the service refused, in its own words where they came with it (in the file $1), and ends.
refused() {
    message=$(sed -n -e "s/\\\\\"/'/g" -e 's/.*"message": *"\([^"]*\)".*/\1/p' "$1" 2>/dev/null |
        tr -d '\000-\037\177' | cut -c 1-500)
    [ -n "$message" ] && die "$message (HTTP $status)"
    case $status in
    400) die "the service does not understand this link: is the token complete?" ;;
    404) die "this link is unknown or has expired. Ask for a new one." ;;
    410) die "this link was used already. Ask for a new one." ;;
    429 | 503) die "the service cannot answer now. Try the same command again in a minute." ;;
    *) die "the service answered with HTTP ${status:-nothing}." ;;
    esac
}

# Asks what the link will give: lines of "KEY VALUE", in printable ASCII.
ask_for_plan() {
    fetch "/api/install/$token?format=plan&target=$target" "$work/plan" || die "$base cannot be reached: $said"
    [ "$status" = 200 ] || refused "$work/plan"
    format='' plugin='' marketplace='' version='' revision='' files='' size='' digest=''
    while IFS=' ' read -r key value; do
        case $key in
        format) format=$value ;;
        name) name=$value ;;
        plugin) plugin=$value ;;
        marketplace) marketplace=$value ;;
        version) version=$value ;;
        revision) revision=$value ;;
        files) files=$value ;;
        size) size=$value ;;
        sha256) digest=$value ;;
        esac
    done <"$work/plan"
    [ -z "$(tr -d '\012\040-\176' <"$work/plan")" ] || die "the service sent something that is no plan."
    [ "$format" = 1 ] || die "the service speaks a newer language than this script: download install.sh again."
    case 0$files$size in *[!0-9]*) die "the service sent something that is no plan." ;; esac
    is_name "$name" || die "the service sent a name that cannot be a folder's."
    what=$plugin/$name${version:+ $version}
}

# Whether $1 can be the name of a folder everywhere, and is no option and no path.
is_name() {
    case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) return 1 ;; esac
    [ "${#1}" -le 64 ]
}

# The archive, as $staging/archive. The link is used up by this; but whoever broke off may try again for a minute, and is known
# by the random number that is sent along.
download() {
    attempt=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    tries=1
    until fetch "/api/install/$token?format=archive&target=$target&attempt=$attempt" "$staging/archive" && is_complete; do
        case $status in [45]??) refused "$staging/archive" ;; esac
        case "$failed $said" in
        "23 "* | *"No space"* | *"rite error"* | *"hort write"*) die "the download cannot be written: is the disk full? ($said)" ;;
        esac
        [ "$tries" -lt 4 ] || die "the download broke off ($said). The same command can be run again for a minute."
        [ "$tries" -eq 1 ] || sleep 2
        tries=$((tries + 1))
        say "The download broke off; trying again."
    done
    [ "$(hash_of_input <"$staging/archive")" = "$digest" ] ||
        die "the download is not what was announced (its SHA-256 differs). Nothing was installed."
}

# Whether as much came as was announced, at least: some clients take a connection that was cut for the end of the answer.
is_complete() {
    length=$(wc -c <"$staging/archive" | tr -d ' ')
    [ "$status" = 200 ] && [ "$length" -ge "${size:-0}" ] && return 0
    said=${said:-"it ended after $length of $size bytes"}
    return 1
}

# --------------------------------------------------------------------------------------------------------- what is there

# The value of the key $2 in the .skillport.json of the folder $1. The service writes one key, and one file, a line.
manifest_value() {
    sed -n "/^  \"$2\": /{s/^[^:]*: \"\{0,1\}//;s/\"\{0,1\},\{0,1\}\$//;s/^null\$//;s/[[:cntrl:]]//g;p;q;}" "$1/.skillport.json"
}

# Whether the folder $1 holds exactly the files that its .skillport.json lists. What Python and Finder leave behind is no edit.
is_intact() (
    cd "$1" || exit 1
    sed -n 's/^    "\(.*\)": "\([0-9a-f]\{64\}\)",\{0,1\}$/\2  .\/\1/p' .skillport.json | sed 's/\\"/"/g' >"$work/hashes"
    listed=$(grep -c -v -e '/__pycache__/' -e '/\.DS_Store$' "$work/hashes")
    there=$(find . ! -type d ! -path ./.skillport.json ! -path '*/__pycache__/*' ! -name .DS_Store | grep -c '')
    [ "$listed" -gt 0 ] && [ "$listed" -eq "$there" ] && hashes_match "$work/hashes"
)

# What is in the folder $1: nothing, ours as it was installed (intact), ours but changed since (edited), or not ours (foreign).
state_of() {
    if [ -L "$1" ]; then
        echo foreign
    elif [ ! -e "$1" ]; then
        echo nothing
    elif [ ! -f "$1/.skillport.json" ] || [ "$(manifest_value "$1" format)" != 1 ]; then
        echo foreign
    elif is_intact "$1"; then
        echo intact
    else
        echo edited
    fi
}

# Whether version $1 is older than version $2: by their numbers, and a pre-release before its release. No answer is No.
is_older() {
    for each in "$1" "$2"; do
        case $each in '' | [!0-9]* | *[!0-9A-Za-z.+-]*) return 1 ;; esac
    done
    awk -v a="${1%%+*}" -v b="${2%%+*}" 'BEGIN {
        early_a = index(a, "-"); sub(/-.*/, "", a); split(a, left, ".")
        early_b = index(b, "-"); sub(/-.*/, "", b); split(b, right, ".")
        for (i = 1; i <= 4; i++) if (left[i] + 0 != right[i] + 0) exit !(left[i] + 0 < right[i] + 0)
        exit !(early_a && !early_b)
    }'
}

# ------------------------------------------------------------------------------------------------------ where it is put

# Sets $skills, the folder of skills, and $state, a folder beside it for what must not be taken for a skill: the lock, what is
# being unpacked, what is being replaced, and the copies that were kept.
choose_folders() {
    if [ -n "$dir" ]; then
        skills=$dir
    elif [ -n "$project" ]; then
        skills=$PWD/.claude/skills
    elif [ -n "${CLAUDE_CONFIG_DIR:-}" ]; then
        skills=$CLAUDE_CONFIG_DIR/skills
    else
        skills=${HOME:?is not set}/.claude/skills
    fi
    skills=${skills%/}
    [ -n "$skills" ] || wrong_usage "that is no folder for skills"
    case $skills in /*) ;; *) skills=$PWD/$skills ;; esac
    state=${skills%/*}/.skillport/${skills##*/}
}

make_folders() {
    mkdir -p "$skills" "$state" 2>/dev/null || die "cannot write to $skills: is it read-only, or the disk full?"
    # Renaming is only possible within one file system, and the folder of skills may be a link to another. Claude Code does not
    # look for skills two folders deep.
    if [ "$(file_system_of "$skills")" != "$(file_system_of "$state")" ]; then
        remove_empty_state
        state=$skills/.skillport/skills
        mkdir -p "$state" || die "cannot write to $skills."
    fi
}

file_system_of() {
    df -P "$1/." | sed -n '2s/ .*//p'
}

# One installation at a time. The lock is a file, made by whoever finds none, with its owner's machine and process in it.
lock() {
    waited=0 missing=0
    until (set -C && : >"$state/lock") 2>/dev/null; do
        if [ ! -e "$state/lock" ]; then
            # Whoever had it has just given it back, and tidied up behind them. But not again and again.
            missing=$((missing + 1))
            [ "$missing" -lt 10 ] || die "cannot write to $state: is it read-only, or the disk full?"
            mkdir -p "$state" 2>/dev/null
            continue
        fi
        missing=0
        if is_abandoned; then
            break_lock
            continue
        fi
        [ "$waited" -lt 60 ] || die "another installation is under way (process $owner). If it is not, remove $state/lock."
        [ "$waited" -ne 2 ] || say "Waiting for another installation (process $owner)."
        sleep 1
        waited=$((waited + 1))
    done
    locked=yes staging=$state/work.$$
    printf '%s %s\n' "$host" "$$" >"$state/lock" && mkdir "$staging" || die "cannot write to $state: is the disk full?"
}

# Whether whoever holds the lock is gone. Of another machine that shares this folder, that is only known by time.
is_abandoned() {
    owner=$(cat "$state/lock" 2>/dev/null)
    case $owner in
    "$host "*[0-9]) ! kill -0 "${owner##* }" 2>/dev/null && ! [ -d "/proc/${owner##* }" ] ;;
    '') [ "$waited" -ge 3 ] ;;
    *) [ -n "$(find "$state/lock" -mmin +15 2>/dev/null)" ] ;;
    esac
}

# Takes away the lock of somebody who is gone. Only one does it at a time, after looking again: otherwise the slower of two
# would take away the lock that the faster has just made.
break_lock() {
    gone=$owner
    if mkdir "$state/breaking" 2>/dev/null; then
        [ "$(cat "$state/lock" 2>/dev/null)" = "$gone" ] && rm -f "$state/lock"
        rmdir "$state/breaking"
    else
        [ -z "$(find "$state/breaking" -prune -mmin +1 2>/dev/null)" ] || rmdir "$state/breaking" 2>/dev/null
        sleep 1
    fi
}

# Mends what a run that was killed has left behind. Whoever holds the lock may: all others are gone.
repair() {
    for left in "$state"/swap/*; do
        [ -d "$left" ] && settle "${left##*/}"
    done
    for left in "$state"/work.*; do
        [ "$left" = "$staging" ] || rm -rf "$left"
    done
}

# Ends the exchange of the skill $1, however far it got: the old one goes back where nothing took its place, and else away.
settle() {
    old=$state/swap/$1/old
    if [ -e "$old" ] || [ -L "$old" ]; then
        if [ ! -e "$skills/$1" ] && [ ! -L "$skills/$1" ]; then
            mv "$old" "$skills/$1" || die "cannot put $skills/$1 back: it is in $old."
        elif [ -e "$state/swap/$1/keep" ]; then
            keep_copy "$old" "$1"
        fi
    fi
    rm -rf "$state/swap/$1"
}

# Moves $1, which somebody changed, to where it is out of the way and not lost. $2 is the name of the skill.
keep_copy() {
    copy=$state/kept/$2-$(date -u +%Y%m%d-%H%M%S)
    while [ -e "$copy" ]; do copy=$copy+; done
    mkdir -p "$state/kept" && mv "$1" "$copy" || die "cannot keep a copy of $1."
    say "What was there before is kept in $copy."
}

# Puts $staging/new/$name in place of whatever is there now. Between the two renames there is nothing for an instant.
exchange() {
    mkdir -p "$state/swap/$name" || die "cannot write to $state."
    found=$(state_of "$skills/$name") # once more: the download took a while
    if [ "$found" != nothing ]; then
        [ "$found" = intact ] || : >"$state/swap/$name/keep" || die "cannot write to $state."
        mv "$skills/$name" "$state/swap/$name/old" || die "cannot move $skills/$name away."
    fi
    mv "$staging/new/$name" "$skills/$name" || die "cannot write to $skills."
    settle "$name"
}

# Runs at the end, whatever the end is.
clean_up() {
    ended=$?
    trap - EXIT HUP INT TERM
    if [ -n "$locked" ]; then
        [ ! -d "$state/swap/$name" ] || settle "$name"
        rm -rf "$staging"
        rm -f "$state/lock"
        remove_empty_state
    fi
    rm -rf "$staging" "$work"
    exit "$ended"
}

remove_empty_state() {
    rmdir "$state/swap" "$state" "${state%/*}" 2>/dev/null
}

# ------------------------------------------------------------------------------------------------- what can be asked for

# Refuses an archive that holds anything but plain files below the folder $name, before any of it is unpacked.
look_through_archive() {
    run_tar -tzf "$staging/archive" >"$work/names" 2>/dev/null && run_tar -tvzf "$staging/archive" >"$work/kinds" 2>/dev/null ||
        die "the download is no archive."
    [ "$(grep -c '' "$work/names")" = "$files" ] || die "the archive does not hold as many files as announced."
    beginning=$(printf '%s\n' "$name" | sed 's/\./\\./g')
    ! grep -q '^[^d-]' "$work/kinds" || unacceptable "a link or device"
    # Some tars show a hard link as a file, with its target behind the name.
    [ "$(grep -c -e ' -> ' -e ' link to ' "$work/kinds")" = "$(grep -c -e ' -> ' -e ' link to ' "$work/names")" ] ||
        unacceptable "a link"
    ! grep -q -v "^$beginning/." "$work/names" || unacceptable "something outside the folder $name"
    ! grep -q -E '(^|/)\.\.?(/|$)|//' "$work/names" || unacceptable "a way out of its folder"
    # Some tars show bytes of other alphabets as \303, and all of them control characters as \n or \033.
    ! grep -q -e '[[:cntrl:]]' -e '\\[^23]' "$work/names" || unacceptable "a control character in a name"
    # A folder with .claude-plugin in it is taken for a plugin, whose hooks run at once.
    ! grep -q -i -E '(^|/)(\.claude-plugin|\.mcp\.json|\.claude|\.git)[. ]*(/|$)' "$work/names" ||
        unacceptable "what a client would run or trust without asking"
}

unacceptable() {
    die "the archive holds $1. It was not unpacked, and nothing was installed."
}

unpack() {
    mkdir "$staging/new" && run_tar -xzomf "$staging/archive" -C "$staging/new" ||
        die "the archive could not be unpacked: is the disk full?"
    new=$staging/new/$name
    [ -z "$(find "$staging/new" ! -type f ! -type d)" ] && [ -z "$(find "$staging/new" -type f -links +1)" ] ||
        unacceptable "a link"
    [ -f "$new/SKILL.md" ] && [ "$(manifest_value "$new" revision)" = "$revision" ] && is_intact "$new" ||
        die "what was unpacked is not what the archive lists: is the disk full?"
    find "$new" -type d -exec chmod 755 {} + && find "$new" -type f -perm -100 -exec chmod 755 {} + &&
        find "$new" -type f ! -perm -100 -exec chmod 644 {} + || die "the modes of the files could not be set."
}

install_skill() {
    choose_folders
    ask_for_plan
    make_folders
    lock
    repair
    found=$(state_of "$skills/$name")
    is_replaceable || [ -n "$force" ] || refuse "$why --force replaces it$and_keeps; the same link can be used."
    if [ "$found$force" = intact ] && [ "$(manifest_value "$skills/$name" revision)" = "$revision" ] &&
        [ "$(manifest_value "$skills/$name" version)" = "$version" ]; then
        say "$what is installed already; the link was not used up."
    else
        download
        look_through_archive
        unpack
        exchange
        say "Installed $what in $skills/$name. Start a new conversation to use it."
        notes
    fi
    printf 'SKILL_DIR=%s\n' "$skills/$name"
}

# Whether what is there may be replaced without asking; if not, $why.
is_replaceable() {
    and_keeps=' and keeps a copy'
    case $found in
    foreign) why="$skills/$name is not from here." ;;
    edited) why="$skills/$name was edited since it was installed." ;;
    intact)
        theirs=$(manifest_value "$skills/$name" plugin)@$(manifest_value "$skills/$name" marketplace)
        and_keeps=
        if [ "$theirs" != "$plugin@$marketplace" ]; then
            why="$skills/$name is another skill of that name, from $theirs."
        elif is_older "$version" "$(manifest_value "$skills/$name" version)"; then
            why="version $(manifest_value "$skills/$name" version) is installed and newer than $version."
        else
            return 0
        fi
        ;;
    *) return 0 ;;
    esac
    return 1
}

# What the service wants to be known of how the skill was put together.
notes() {
    sed -n 's/^note /Note: /p' "$work/plan" >&2
}

write_package() {
    out=${dir:-/tmp}
    out=${out%/}
    ask_for_plan
    package=$out/$name.skill
    [ ! -d "$package" ] || refuse "$package is a folder."
    mkdir -p "$out" 2>/dev/null && staging=$(mktemp -d "$out/.skillport.XXXXXX" 2>/dev/null) ||
        die "cannot write to $out: choose another folder with --dir."
    download
    # Others may read /tmp, and may not read every skill.
    chmod 600 "$staging/archive" && mv -f "$staging/archive" "$package" || die "cannot write $package: choose another folder with --dir."
    say "Wrote $what. Upload it in the settings of claude.ai or Claude Desktop, then start a new conversation."
    notes
    printf 'SKILL_FILE=%s\n' "$package"
}

uninstall_skill() {
    choose_folders
    [ -d "$skills" ] || die "there is no $skills."
    make_folders
    lock
    repair
    found=$(state_of "$skills/$name")
    case $found$force in
    nothing*) die "there is no skill $name in $skills." ;;
    intact*) mv "$skills/$name" "$staging/gone" || die "cannot remove $skills/$name." ;;
    edited) refuse "$skills/$name was edited since it was installed. --force removes it and keeps a copy." ;;
    foreign) refuse "$skills/$name is not from here. --force removes it and keeps a copy." ;;
    *) keep_copy "$skills/$name" "$name" ;;
    esac
    say "Removed $skills/$name."
}

# One line for each skill that was installed from here: its name, its version, and how it is.
check_skills() {
    choose_folders
    : >"$work/answer"
    [ -z "${SKILLPORT_TOKEN:-}" ] || ask_for_updates
    attention=0
    for manifest in "$skills"/*/.skillport.json; do
        [ -f "$manifest" ] || continue
        folder=${manifest%/.skillport.json}
        case $(state_of "$folder") in
        intact) is=ok ;;
        edited) is=edited ;;
        *) is="unknown" ;;
        esac
        update=$(update_of "$folder")
        [ "$is$update" = ok ] || attention=3
        printf '%s\t%s\t%s\n' "${folder##*/}" "$(manifest_value "$folder" version)" "$is${update:+, $update}"
    done
    exit "$attention"
}

# Asks for the skills that came from this service. The answer is kept in $work/answer, an object a line.
ask_for_updates() {
    installed=
    for manifest in "$skills"/*/.skillport.json; do
        folder=${manifest%/.skillport.json}
        [ -f "$manifest" ] && [ "$(manifest_value "$folder" source)" = "$base" ] || continue
        entry=$(printf '{"name":"%s","version":"%s","revision":"%s"}' "$(label_of "$folder")" \
            "$(manifest_value "$folder" version)" "$(manifest_value "$folder" revision)")
        installed=${installed:+$installed,}$entry
    done
    [ -n "$installed" ] || return 0
    if [ "$http" = curl ]; then
        # Read from a pipe, so that the token stands in no list of processes.
        printf 'header = "Authorization: Bearer %s"\n' "$SKILLPORT_TOKEN" |
            curl -fsS -K - -H 'Content-Type: application/json' --connect-timeout 20 --max-time 60 \
                -d "{\"installed\":[$installed]}" "$base/api/check-updates"
    else
        wget -q -O - --header "Authorization: Bearer $SKILLPORT_TOKEN" --header 'Content-Type: application/json' \
            --post-data "{\"installed\":[$installed]}" "$base/api/check-updates"
    fi >"$work/said" || die "$base could not be asked for updates: is SKILLPORT_TOKEN right?"
    tr '{' '\n' <"$work/said" >"$work/answer"
}

label_of() {
    printf '%s/%s@%s' "$(manifest_value "$1" plugin)" "$(manifest_value "$1" name)" "$(manifest_value "$1" marketplace)"
}

# What the service said of the skill in the folder $1, where there is something to do.
update_of() {
    about=$(grep -F "\"name\":\"$(label_of "$1")\"" "$work/answer")
    case $about in
    *'"status":"update_available"'* | *'"status":"content_changed"'*)
        available=$(printf '%s\n' "$about" | sed -n 's/.*"availableVersion":"\([^"]*\)".*/\1/p')
        echo "update${available:+ to $available} available"
        ;;
    *'"status":"renamed"'*) echo 'renamed' ;;
    *'"status":"gone"'*) echo 'not offered any more' ;;
    esac
}

# ----------------------------------------------------------------------------------------------------------------- main

main() {
    base=${SKILLPORT_CONNECTOR_URL:-$BASE_URL}
    base=${base%/}
    action=install target=package token='' name='' force='' project='' dir=''
    while [ $# -gt 0 ]; do
        case $1 in
        --help | -h)
            usage
            exit 0
            ;;
        --skill) target=claude-code ;;
        --package) target=package ;;
        --force) force=yes ;;
        --project) project=yes ;;
        --check) action=check ;;
        --dir | --uninstall)
            [ -n "${2:-}" ] || wrong_usage "$1 needs a value"
            if [ "$1" = --dir ]; then dir=$2; else action=uninstall name=$2; fi
            shift
            ;;
        -*) wrong_usage "$1 is no option" ;;
        *)
            [ -z "$token" ] || wrong_usage "only one token can be given"
            token=$1
            ;;
        esac
        shift
    done
    case $base in http://?* | https://?*) ;; *) wrong_usage "$base is no address of a service" ;; esac
    case $action$token in
    install) wrong_usage "the token of an install link is missing" ;;
    install*[!A-Za-z0-9_-]*) wrong_usage "this is no token of an install link" ;;
    uninstall?* | check?*) [ -z "$token" ] || wrong_usage "a token is only needed to install" ;;
    esac
    [ "$action" != uninstall ] || is_name "$name" || wrong_usage "$name is no name of a skill"

    host=$(uname -n) locked='' staging='' said='' wget_options=''
    find_tools
    work=$(mktemp -d "${TMPDIR:-/tmp}/skillport.XXXXXX" 2>/dev/null) && work=$(cd "$work" && pwd) || die "cannot write to ${TMPDIR:-/tmp}."
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    case $action$target in
    installclaude-code) install_skill ;;
    installpackage) write_package ;;
    uninstall*) uninstall_skill ;;
    check*) check_skills ;;
    esac
}

# Nothing in here is to read the rest of this script, which the shell may be getting from a pipe.
main "$@" </dev/null
