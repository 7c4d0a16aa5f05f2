#!/bin/sh
# Gets one skill of Skillport Sync into a working folder, to be changed there and saved again. Read it before you pipe it into a
# shell: everything it does stands here, and nothing runs before the last line, so a download that was cut short runs nothing.
#
# What it does, in this order:
#   1. asks what the link will give. That uses nothing up;
#   2. looks at the working folder of that name. What was changed in it and not saved is not touched, unless --force keeps a copy;
#   3. downloads the archive, which uses the link up, and compares its size and SHA-256;
#   4. lists the archive before it unpacks it: plain files below one folder, nothing that a client would run unasked;
#   5. compares every unpacked file with the list that came with it, and moves the folder into place.
# What it never does: run anything it downloads, send anything, or write anywhere else than said here.
#
# It needs a POSIX shell with the usual tools, tar, curl or wget, and sha256sum, shasum or openssl.

# The service that hands this script out writes its own address here.
BASE_URL='https://skillport.invalid'

usage() {
    cat <<END
Usage: sh -s -- TOKEN [--force] [--dir FOLDER]

  curl -fsS $base/edit.sh | sh -s -- TOKEN
  wget -qO- $base/edit.sh | sh -s -- TOKEN

  TOKEN         of a one-time link: GET $base/api/skills/NAME/edit
  --dir FOLDER  make the working folder in FOLDER instead of /tmp/skillport-edit
  --force       start anew from what is in the repository; a copy of what was changed is kept
  --help        this text

SKILLPORT_CONNECTOR_URL names another service than $BASE_URL.
Prints SKILL_DIR=... and the files in it. What they were made from is in .edit_info beside them: leave it there for saving.
Exit status: 0 done, 1 failed, 2 wrong usage, 3 something of yours is in the way.
END
}

# from install.sh: say die refuse wrong_usage

# ---------------------------------------------------------------------------------------------------------------- tools

# from install.sh: find_tools hash_of_input hashes_match run_tar

# -------------------------------------------------------------------------------------------------------------- network

# from install.sh: fetch refused ask_for_plan is_name download is_complete

# --------------------------------------------------------------------------------------------------------- what is there

# from install.sh: manifest_value is_intact state_of

# Whether what was changed in the folder $1 has been saved meanwhile: then it is what the link gives. $work/info lists that.
is_saved() {
    fetch "/api/edit/$token?format=info" "$work/info" && [ "$status" = 200 ] || return 1
    (
        cd "$1" || exit 1
        sed -n 's/^    "\(.*\)": "\([0-9a-f]\{64\}\)",\{0,1\}$/\2  .\/\1/p' "$work/info" | sed 's/\\"/"/g' >"$work/hashes"
        listed=$(grep -c '' "$work/hashes")
        there=$(find . ! -type d ! -path ./.edit_info ! -path '*/__pycache__/*' ! -name .DS_Store | grep -c '')
        [ "$listed" -gt 0 ] && [ "$listed" -eq "$there" ] && hashes_match "$work/hashes"
    )
}

# Sets $out, the folder of working folders. The usual one is in a place where anybody may write: it has to be this person's own.
choose_folder() {
    out=${dir:-/tmp/skillport-edit}
    out=${out%/}
    case $out in /*) ;; *) out=$PWD/$out ;; esac
    if [ -z "$dir" ]; then
        mkdir -m 700 "$out" 2>/dev/null
        [ -d "$out" ] && [ ! -L "$out" ] && [ -O "$out" ] || die "$out is not yours: choose another folder with --dir."
    else
        mkdir -p "$out" 2>/dev/null || die "cannot write to $out: choose another folder with --dir."
    fi
}

# ----------------------------------------------------------------------------------------------------------- what is asked

# from install.sh: look_through_archive unacceptable unpack

edit_skill() {
    ask_for_plan
    choose_folder
    folder=$out/$name
    found=$(state_of "$folder")
    [ "$found" != edited ] || ! is_saved "$folder" || found=saved
    case $found$force in
    edited) refuse "$folder has changes that were not saved. --force starts anew and keeps a copy; the same link can be used." ;;
    foreign) refuse "$folder is not from here. --force starts anew and keeps a copy; the same link can be used." ;;
    esac
    if [ "$found$force" = intact ] && [ "$(manifest_value "$folder" revision)" = "$revision" ] &&
        [ "$(manifest_value "$folder" commit)" = "$(sed -n 's/^commit //p' "$work/plan")" ]; then
        say "$what is there already; the link was not used up."
    else
        staging=$(mktemp -d "$out/.work.XXXXXX" 2>/dev/null) || die "cannot write to $out: choose another folder with --dir."
        download
        look_through_archive
        unpack
        exchange
        say "Got $what to be changed."
        sed -n 's/^note /Note: /p' "$work/plan" >&2
    fi
    printf 'SKILL_DIR=%s\n' "$folder"
    (cd "$folder" && find . -type f ! -path ./.edit_info | sed 's/^\.\///' | sort)
}

# Puts $staging/new/$name in place of whatever is there now.
exchange() {
    case $found in
    nothing) ;;
    edited | foreign) keep_copy ;;
    *) mv "$folder" "$staging/old" || die "cannot move $folder away." ;;
    esac
    [ ! -e "$folder" ] && mv "$staging/new/$name" "$folder" || die "cannot write $folder."
}

# Moves what somebody changed to where it is out of the way and not lost.
keep_copy() {
    copy=$folder.kept-$(date -u +%Y%m%d-%H%M%S)
    while [ -e "$copy" ]; do copy=$copy+; done
    mv "$folder" "$copy" || die "cannot keep a copy of $folder."
    say "What was there before is kept in $copy."
}

# Runs at the end, whatever the end is.
clean_up() {
    ended=$?
    trap - EXIT HUP INT TERM
    [ -z "$staging" ] || [ ! -e "$staging/old" ] || [ -e "$folder" ] || mv "$staging/old" "$folder"
    rm -rf "$staging" "$work"
    exit "$ended"
}

# ----------------------------------------------------------------------------------------------------------------- main

main() {
    base=${SKILLPORT_CONNECTOR_URL:-$BASE_URL}
    base=${base%/}
    target=edit token='' force='' dir=''
    while [ $# -gt 0 ]; do
        case $1 in
        --help | -h)
            usage
            exit 0
            ;;
        --force) force=yes ;;
        --dir)
            [ -n "${2:-}" ] || wrong_usage "$1 needs a value"
            dir=$2
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
    case $token in
    '') wrong_usage "the token of an edit link is missing" ;;
    *[!A-Za-z0-9_-]*) wrong_usage "this is no token of an edit link" ;;
    esac

    name='' staging='' said='' wget_options='' folder=''
    find_tools
    work=$(mktemp -d "${TMPDIR:-/tmp}/skillport.XXXXXX" 2>/dev/null) && work=$(cd "$work" && pwd) || die "cannot write to ${TMPDIR:-/tmp}."
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    edit_skill
}

# Nothing in here is to read the rest of this script, which the shell may be getting from a pipe.
main "$@" </dev/null
