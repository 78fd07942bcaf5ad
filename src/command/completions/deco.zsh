#compdef deco
# zsh completion for deco, printed by `deco completions zsh`: save it as `_deco` in a folder of $fpath.

_deco() {
    local -a lines shown
    local line word
    lines=("${(@f)$("${~${(Q)words[1]}}" complete --cursor $((CURRENT - 2)) -- \
        "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" "${(@Q)words[CURRENT+1,-1]}" 2> /dev/null)}")
    case ${lines[1]} in
        files)
            compset -P '--*='
            _files
            ;;
        folders)
            compset -P '--*='
            _files -/
            ;;
        words)
            for line in "${(@)lines[2,-1]}"; do
                # `_describe` takes a backslash and a colon for its own
                word=${${${line%%$'\t'*}//\\/\\\\}//:/\\:}
                [[ $line == *$'\t'* ]] && word+=":${line#*$'\t'}"
                shown+=("$word")
            done
            (( $#shown )) && _describe -V -t deco deco shown
            ;;
    esac
}

if [[ ${funcstack[1]} == _deco ]]; then
    _deco "$@"
else
    compdef _deco deco
fi
