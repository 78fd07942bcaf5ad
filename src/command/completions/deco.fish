# fish completion for deco, printed by `deco completions fish`.

function __deco_complete
    set -l words (commandline -opc)
    set -l deco $words[1]
    set -e words[1]
    # the word under the cursor comes with its quotes, of which one may stand open
    set -l typed (commandline -ct)
    set -l plain (string unescape -- $typed; or string unescape -- $typed\'; or string unescape -- $typed\")
    # fish tells nothing of what stands behind the cursor
    set -l lines (command $deco complete -- $words "$plain[1]" 2>/dev/null)
    set -l before (string match -r -- '^--[^=]*=' "$plain[1]")
    set -l path (string replace -r -- '^--[^=]*=' '' "$plain[1]")
    switch "$lines[1]"
        case files
            __fish_complete_path "$path" | string replace -r -- '^' "$before"
        case folders
            __fish_complete_directories "$path" '' | string replace -r -- '^' "$before"
        case words
            set -e lines[1]
            set -q lines[1]; and printf '%s\n' $lines
    end
end

complete -c deco -e
complete -c deco -f -k -a '(__deco_complete)'
