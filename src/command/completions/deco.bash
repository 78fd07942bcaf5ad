# bash completion for deco, printed by `deco completions bash`.
# deco tells what could stand under the cursor, quoted so that it fits what is typed already.

_deco() {
    local kind reply
    COMPREPLY=()
    while IFS= read -r reply; do
        if [[ -z ${kind-} ]]; then
            kind=$reply
        else
            COMPREPLY+=("$reply")
        fi
    done < <("${1/#\~/$HOME}" complete --line "$COMP_LINE" --cursor "$COMP_POINT" --replaced "$2" 2> /dev/null)
    case ${kind-} in
        files) compopt -o default 2> /dev/null ;;
        folders) compopt -o dirnames -o filenames 2> /dev/null ;;
    esac
    return 0
}

# the order of the candidates is deco's, where bash can keep it
complete -o nosort -F _deco deco 2> /dev/null || complete -F _deco deco
