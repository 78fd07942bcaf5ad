//! Plans of small manifests: what waits for what, in which order, and what is refused.

use petgraph::Direction;

use super::*;
use crate::diagnostic::Source;
use crate::manifest::check;

fn try_plan(text: &str) -> Result<Plan, Vec<Diagnostic>> {
    let source = Arc::new(Source { name: "deco.toml".to_owned(), text: text.to_owned() });
    let (manifest, found) = check::parse(source, &std::env::temp_dir(), &[]);
    let manifest = Arc::new(manifest.ok_or(found)?);
    let world = World::new(manifest.clone(), Value::empty_object());
    Plan::build(manifest, Arc::new(world))
}

#[track_caller]
pub(super) fn plan(text: &str) -> Plan {
    try_plan(text).unwrap_or_else(|wrong| panic!("{wrong:#?}"))
}

/// What the call at an address waits for: calls by address, joins by what they gather.
#[track_caller]
fn before(plan: &Plan, address: &str) -> Vec<Text> {
    let calls = select::named(plan, address).unwrap().calls;
    assert_eq!(calls.len(), 1, "{address}");
    let node = plan.node_of(calls[0]);
    let mut names: Vec<_> =
        plan.graph.neighbors_directed(node, Direction::Incoming).map(|node| plan.node_name(node)).collect();
    names.sort();
    names
}

fn call_order(plan: &Plan) -> Vec<String> {
    let mut calls: Vec<CallId> = plan.calls().collect();
    calls.sort_by_key(|&call| plan.order_of(call));
    calls.into_iter().map(|call| plan.address(call).to_string()).collect()
}

#[track_caller]
fn refused(text: &str, words: &[&str]) {
    let wrong = try_plan(text).map(|_| "a plan").unwrap_err();
    let said: String =
        wrong.iter().map(|one| format!("{} {:?} {:?}\n", one.message, one.labels, one.help)).collect();
    for part in words {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
}

const GRID: &str = "
[tasks.cell]
for = { x = 'range(3)', y = 'range(4)' }
run = 'true'
";

#[test]
fn writers_and_readers_of_one_place_share_a_join() {
    let plan = plan(&format!(
        "{GRID}
        [tasks.look]
        for = {{ i = 'range(5)' }}
        run = 'true'
        stdin = '${{{{ cell }}}}'"
    ));
    assert_eq!(plan.joins.len(), 1);
    assert_eq!(plan.graph.edge_count(), 12 + 5);
    assert_eq!(before(&plan, "look[2]"), ["join of cell"]);
}

#[test]
fn reads_are_exact_by_key() {
    let plan = plan(&format!(
        "{GRID}
        [tasks.same]
        for = {{ x = 'range(3)', y = 'range(4)' }}
        run = 'true ${{{{ cell[x][y] }}}}'
        [tasks.column]
        for = {{ x = 'range(3)' }}
        run = 'true ${{{{ cell[x] }}}} ${{{{ cell[x][0].deep }}}}'
        [tasks.computed]
        run = 'true ${{{{ cell[cell[0][0]] }}}}'"
    ));
    assert_eq!(before(&plan, "same[2,3]"), ["cell[2,3]"]);
    assert_eq!(before(&plan, "column[1]"), ["cell[1,0]", "join of cell[1]"]);
    assert_eq!(before(&plan, "computed"), ["cell[0,0]", "join of cell"]);
}

#[test]
fn a_variable_hides_a_document_of_its_name() {
    let plan = plan(&format!("{GRID}\n[tasks.b]\nfor = {{ cell = [1] }}\nrun = 'true ${{{{ cell }}}}'"));
    assert_eq!(before(&plan, "b[1]"), Vec::<String>::new());
}

#[test]
fn a_step_reads_the_step_before() {
    let plan = plan(
        "[data.state.0]
        a = 1
        b = 2
        [tasks.step]
        for = { step = 'range(1, 4)', i = ['a', 'b'] }
        run = 'true ${{ state[step - 1] }}'
        fills = 'state[step][i]'",
    );
    assert_eq!(before(&plan, "step[1,a]"), Vec::<String>::new());
    assert_eq!(before(&plan, "step[3,b]"), ["join of state[2]"]);
    assert_eq!(plan.joins.len(), 2);
}

#[test]
fn call_order_is_that_of_the_serial_program() {
    let alone = plan(
        "[tasks.late]\nrun = 'true ${{ early }}'\n[tasks.early]\nrun = 'true'\n[tasks.free]\nrun = 'true'",
    );
    assert_eq!(call_order(&alone), ["early", "late", "free"]);
    let feeding = plan(
        "[data]
        a = { 0 = 1 }
        [tasks.b]
        for = { i = 'range(3)' }
        run = 'true ${{ a[i] }}'
        [tasks.up]
        for = { i = 'range(2)' }
        run = 'true ${{ b[i] }}'
        fills = 'a[i + 1]'",
    );
    assert_eq!(call_order(&feeding), ["b[0]", "up[0]", "b[1]", "up[1]", "b[2]"]);
}

#[test]
fn after_waits_for_tasks_calls_tags_and_sync_points() {
    let plan = plan(
        "[tasks.a]
        for = { i = 'range(2)' }
        run = 'true'
        tags = ['slow']
        [tasks.all]
        run = 'true'
        after = ['a']
        [tasks.one]
        for = { i = 'range(2)' }
        run = 'true'
        after = ['a[${{ i }}]']
        [tasks.last]
        run = 'true'
        after = ['day', 'tag:slow']
        [sync.day]
        waits-for = ['one']",
    );
    assert_eq!(before(&plan, "all"), ["join of a"]);
    assert_eq!(before(&plan, "one[1]"), ["a[1]"]);
    assert_eq!(before(&plan, "last"), ["join of tag:slow", "sync.day"]);
}

#[test]
fn after_waits_for_calls_by_a_part_of_their_key() {
    let plan = plan(&format!(
        "{GRID}
        [data]
        people = [{{ id = 'p' }}, {{ id = 'q' }}]
        [tasks.person]
        for = {{ p = 'people' }}
        key = ['p.id']
        run = 'true'
        tags = ['slow']
        [tasks.person-2]
        for = {{ s = ['p', 'q'] }}
        run = 'true'
        after = ['person[${{{{ s }}}}*]']
        [tasks.column]
        for = {{ y = 'range(2)' }}
        run = 'true'
        after = ['cell[y=${{{{ y }}}}]', 'cell[*,${{{{ y }}}}]', 'cell[x=0,y=3]']
        [tasks.same]
        run = 'true'
        after = ['cell[*,0]', 'p*[q]', 'tag:s*']
        [tasks.nobody]
        for = {{ z = [7] }}
        run = 'true'
        after = ['cell[x=${{{{ z }}}}]']
        [tasks.last]
        run = 'true'
        after = ['*']
        [sync.day]
        waits-for = ['p*', 'person[p*]']"
    ));
    assert_eq!(before(&plan, "person-2[p]"), ["person[p]"]);
    assert_eq!(before(&plan, "column[1]"), ["cell[0,3]", "join of cell[*,1]", "join of cell[y=1]"]);
    assert_eq!(
        before(&plan, "same"),
        ["join of cell[*,0]", "join of person[q], person-2[q]", "join of tag:s*"]
    );
    assert_eq!(before(&plan, "nobody[7]"), Vec::<String>::new());
    assert_eq!(before(&plan, "last"), ["join of *"]);
    let day: Vec<_> = plan.graph.neighbors_directed(plan.sync_nodes[0], Direction::Incoming).collect();
    let mut day: Vec<_> = day.into_iter().map(|node| plan.node_name(node)).collect();
    day.sort();
    assert_eq!(day, ["join of p*", "person[p]"]);
    // two for each `column`, one of which `same` shares; two more for `same`, one for `last`, one for `day`
    assert_eq!(plan.joins.len(), 2 * 2 + 2 + 1 + 1);
    refused(
        &format!("{GRID}\n[tasks.b]\nrun = 'true'\nafter = ['cell[x=9]']"),
        &["no call has a key like `x=9`", "deco plan"],
    );
    refused("[tasks.a]\nfor = { x = [1] }\nrun = 'true'\nafter = ['a[*]']", &["`a[1]` waits for itself"]);
}

#[test]
fn what_a_call_takes_may_depend_on_what_others_fill() {
    let plan = plan(
        "[pools]
        mem = '1GiB'
        [tasks.measure]
        run = 'true'
        [tasks.work]
        run = 'true'
        uses = { mem = 'measure * attempt' }",
    );
    assert_eq!(before(&plan, "work"), ["measure"]);
}

#[test]
fn a_reader_does_not_wait_for_what_comes_after_it() {
    let plan = plan(
        "[data]
        log = []
        [tasks.first]
        run = 'true'
        fills = 'log[]'
        [tasks.look]
        run = 'true ${{ log }}'
        [tasks.second]
        run = 'true'
        fills = 'log[]'
        after = ['look']",
    );
    assert_eq!(before(&plan, "look"), ["first"]);
}

#[test]
fn a_checked_sync_point_holds_back_what_reads_its_documents() {
    let plan = plan(&format!(
        "{GRID}
        [tasks.double]
        run = 'true ${{{{ cell[0][0] }}}}'
        [tasks.feeds]
        run = 'true ${{{{ cell[0][1] }}}}'
        [sync.good]
        waits-for = ['cell', 'feeds']
        check = 'cell | length == 3'"
    ));
    assert_eq!(before(&plan, "double"), ["cell[0,0]", "sync.good"]);
    assert_eq!(before(&plan, "feeds"), ["cell[0,1]"]);
}

#[test]
fn circles_are_told_whole() {
    refused(
        "[tasks.a]\nrun = 'true ${{ b }}'\n[tasks.b]\nrun = 'true ${{ c }}'\n[tasks.c]\nrun = 'true'\nafter = ['a']",
        &["`a` → `b` → `c` → `a`", "reads `b`", "comes after"],
    );
    refused(
        "[tasks.a]\nfor = { i = [1, 2] }\nrun = 'true ${{ a }}'",
        &["`a[1]` waits for itself", "state[step - 1]"],
    );
    refused("[tasks.a]\nrun = 'true ${{ a }}'", &["`a` waits for itself"]);
}

#[test]
fn unordered_fills_of_one_place_are_refused() {
    refused(
        "[tasks.a]\nrun = 'true'\nfills = 'd.x'\n[tasks.b]\nrun = 'true'\nfills = 'd'",
        &["`a` and `b` both fill `d.x`"],
    );
    refused("[tasks.a]\nfor = { i = [1, 2, 3] }\nrun = 'true'\nfills = 'd'", &["`a[1]` and `a[2]`"]);
    refused("[tasks.a]\nrun = 'true'\nfills = 'd[]'\n[tasks.b]\nrun = 'true'\nfills = 'd.x'", &["both fill"]);
    plan("[tasks.a]\nfor = { i = [1, 2] }\nrun = 'true'\nfills = 'd[]'");
    plan("[tasks.a]\nrun = 'true'\nfills = 'd'\n[tasks.b]\nrun = 'true ${{ d.y }}'\nfills = 'd.x'");
    plan(
        "[tasks.a]\nrun = 'true'\nfills = 'd'\nif = 'true'\n[tasks.b]\nrun = 'true'\nfills = 'd'\nif = 'false'",
    );
}

#[test]
fn places_that_nothing_fills_are_refused() {
    refused(&format!("{GRID}\n[tasks.b]\nrun = 'true ${{{{ cell[9] }}}}'"), &["nothing stands at `cell[9]`"]);
    refused("[data]\nd = [1]\n[tasks.b]\nrun = 'true ${{ d[1] }}'", &["nothing stands at `d[1]`"]);
    refused(
        "[data]\nd = [1]\n[tasks.b]\nrun = 'true'\nfills = 'd[1]'",
        &["cannot fill `d[1]`", "array of 1"],
    );
    plan(&format!("{GRID}\n[tasks.b]\nrun = 'true ${{{{ cell[9] | default(1) }}}}'"));
    plan("[data]\nd = [1]\n[tasks.b]\nrun = 'true ${{ d[-1] }} ${{ d[3] if d[3] is defined else 1 }}'");
}

#[test]
fn equal_keys_are_refused_with_both_positions() {
    refused(
        "[tasks.a]\nfor = { i = [1, 2, '1'] }\nrun = 'true'",
        &["`1` stands twice", "the 1st and the 3rd"],
    );
    refused("[tasks.a]\nfor = { i = 'range(2)' }\ninclude = [{ i = 1 }]\nrun = 'true'", &["the key `1`"]);
    refused("[data]\nn = 3\n[tasks.a]\nfor = { i = 'n' }\nrun = 'true'", &["goes over a list", "range(3)"]);
}

#[test]
fn bindings_come_in_key_order() {
    let text = "
        [data]
        sizes = { small = [1, 2], large = [3] }
        people = [{ id = 'x' }, { id = 'y' }]
        [tasks.a]
        for = { size = 'sizes', n = 'sizes[size]' }
        exclude = [{ size = 'small', n = 2 }]
        include = [{ size = 'huge', n = 9 }]
        run = 'true'
        [tasks.b]
        for = { p = 'people' }
        run = 'true'
        [tasks.c]
        for = { p = 'people' }
        key = ['p.id']
        run = 'true'
        [tasks.d]
        for = { 'i, j' = 'zip([1, 2], [3, 4])' }
        run = 'true'";
    let expected =
        ["a[small,1]", "a[large,3]", "a[huge,9]", "b[#0]", "b[#1]", "c[x]", "c[y]", "d[1,3]", "d[2,4]"];
    assert_eq!(call_order(&plan(text)), expected);
}

#[test]
fn addresses_name_calls_in_every_form() {
    let plan = plan(&format!("{GRID}\n[tasks.tagged]\nrun = 'true'\ntags = ['slow']"));
    let count = |address: &str| select::named(&plan, address).map(|named| named.calls.len());
    assert_eq!(count("cell"), Ok(12));
    assert_eq!(count("cell[1,2]"), Ok(1));
    assert_eq!(count("cell[y=2]"), Ok(3));
    assert_eq!(count("cell[x=1,y=2]"), Ok(1));
    assert_eq!(count("cell[*,2]"), Ok(3));
    assert_eq!(count("cell[1][2]"), Ok(1));
    assert_eq!(count("cell[1]"), Ok(4));
    assert_eq!(count("c*"), Ok(12));
    assert_eq!(count("tag:slow"), Ok(1));
    assert!(count("cel").unwrap_err().contains("did you mean `cell`"));
    assert!(count("cell[9,9]").unwrap_err().contains("names no call"));
}

#[test]
fn a_part_of_the_plan_is_what_the_wanted_calls_need() {
    let plan = plan(&format!("{GRID}\n[tasks.b]\nrun = 'true ${{{{ cell[1] }}}}'"));
    let wanted = select::named(&plan, "b").unwrap().calls;
    let needed = select::closure(&plan, wanted.iter().map(|&call| plan.node_of(call)).collect());
    assert_eq!(plan.calls().filter(|&call| needed.contains(&plan.node_of(call))).count(), 4 + 1);
}

/// A plan in which `task` has been expanded with what `views` would show: here, given as documents of the world.
pub(super) fn grow(
    plan: &mut Plan,
    task: &str,
    document: &str,
    json: &str,
) -> Result<grow::Growth, Vec<Diagnostic>> {
    let id = plan.find_task(&crate::name::TaskName::new(task).unwrap()).unwrap();
    let place = (Vec::new(), Some(Value::parse(json.as_bytes()).unwrap()));
    let views = [(Text::from(document), crate::expr::View { places: vec![place] })];
    let manifest = plan.manifest.clone();
    let bindings = expand::of_task(&manifest.tasks[id.0 as usize], &plan.world.clone(), &views).unwrap();
    plan.grow(id, bindings).map_err(|refused| refused.wrong)
}

const GROWING: &str = "
[tasks.find]
run = 'true'
result = 'lines'
[tasks.fetch]
for = { url = 'find' }
run = 'true'
[tasks.parse]
for = { url = 'find' }
run = 'true ${{ fetch[url] }}'
[tasks.whole]
run = 'true ${{ parse }}'
[tasks.end]
run = 'true'
after = ['fetch', 'parse[b]']
";

#[test]
fn a_reader_of_what_is_not_known_waits_for_the_expansion_and_then_for_the_calls() {
    let mut plan = plan(GROWING);
    assert_eq!(plan.call_count(), 3);
    assert_eq!(before(&plan, "whole"), ["join of parse"]);
    grow(&mut plan, "parse", "find", r#"["a", "b"]"#).unwrap();
    assert_eq!(before(&plan, "parse[a]"), ["join of fetch.a"]);
    let growth = grow(&mut plan, "fetch", "find", r#"["a", "b"]"#).unwrap();
    // the joins of fetch.a and fetch.b, and that of `after`
    assert_eq!(growth.joins.len(), 3);
    let fetch_a = select::named(&plan, "fetch[a]").unwrap().calls[0];
    let after: Vec<_> =
        plan.graph.neighbors(plan.node_of(fetch_a)).map(|node| plan.node_name(node)).collect();
    assert_eq!(after, ["join of fetch.a", "join of fetch"]);
    assert_eq!(call_order(&plan), ["find", "fetch[a]", "fetch[b]", "parse[a]", "parse[b]", "whole", "end"]);
}

#[test]
fn call_order_is_the_same_whatever_was_expanded_first() {
    let mut one = plan(GROWING);
    let mut other = plan(GROWING);
    for (plan, tasks) in [(&mut one, ["fetch", "parse"]), (&mut other, ["parse", "fetch"])] {
        for task in tasks {
            grow(plan, task, "find", r#"["x", "y", "z"]"#).unwrap();
        }
    }
    assert_eq!(call_order(&one), call_order(&other));
    let fetch = select::named(&other, "parse[y]").unwrap().calls[0];
    let read = &reads::of_task(other.task(fetch))[0];
    let path = other.read_place(read, Reader::Call(fetch)).unwrap();
    let seen = other.changers(&path, other.waited_for(&path, Reader::Call(fetch)), Reader::Call(fetch));
    assert_eq!(seen.iter().map(|&call| other.address(call).to_string()).collect::<Vec<_>>(), ["fetch[y]"]);
}

#[test]
fn what_is_wrong_with_found_calls_is_told() {
    let text = "
        [tasks.find]
        run = 'true'
        [tasks.a]
        for = { x = 'find' }
        run = 'true ${{ b[x] }}'
        [tasks.b]
        for = { x = ['p', 'q'] }
        run = 'true ${{ a[x] }}'";
    let mut circle = plan(text);
    let wrong = grow(&mut circle, "a", "find", r#"["p"]"#).unwrap_err();
    assert!(wrong[0].message.contains("`b[p]` → `a[p]` → `b[p]`"), "{wrong:?}");
    let mut clash =
        plan("[tasks.find]\nrun = 'true'\n[tasks.a]\nfor = { x = 'find' }\nrun = 'true'\nfills = 'd'");
    let wrong = grow(&mut clash, "a", "find", "[1, 2]").unwrap_err();
    assert!(wrong[0].message.contains("`a[1]` and `a[2]` both fill `d`"), "{wrong:?}");
}

#[test]
fn patterns_of_keys_take_calls_that_are_found_later() {
    let mut plan = plan(&format!(
        "{GROWING}
        [tasks.some]
        run = 'true'
        after = ['fetch[b*]', 'f*h[url=c]', '?arse']
        [tasks.each]
        for = {{ url = 'find' }}
        run = 'true'
        after = ['fetch[${{{{ url }}}}*]']"
    ));
    grow(&mut plan, "each", "find", r#"["b"]"#).unwrap();
    grow(&mut plan, "fetch", "find", r#"["a", "b", "bb", "c"]"#).unwrap();
    assert_eq!(before(&plan, "some"), ["join of ?arse", "join of fetch[b*]", "join of fetch[url=c]"]);
    let gathered = |name: &str| -> Vec<String> {
        let join = plan.joins.iter().find(|join| plan.node_name(join.node) == name).unwrap();
        let before = plan.graph.neighbors_directed(join.node, Direction::Incoming);
        let mut calls: Vec<_> =
            before.filter_map(|node| Some(plan.address(plan.call_at(node)?).to_string())).collect();
        calls.sort();
        calls
    };
    // what a waiter's value made is the same pattern
    assert_eq!(before(&plan, "each[b]"), ["join of fetch[b*]"]);
    assert_eq!(gathered("join of fetch[b*]"), ["fetch[b]", "fetch[bb]"]);
    assert_eq!(gathered("join of fetch[url=c]"), ["fetch[c]"]);
}

#[test]
fn mutators_wait_for_fillers_and_earlier_mutators_and_not_for_each_other() {
    let plan = plan(
        "
        [tasks.late]
        for = { i = 'range(2)' }
        run = 'true ${{ seed }}'
        mutates = ['state']
        [tasks.early]
        for = { i = 'range(2)' }
        run = 'true'
        mutates = ['state']
        [tasks.look]
        run = 'true ${{ state }}'
        [tasks.fill]
        run = 'true'
        fills = 'state.base'
        [tasks.seed]
        run = 'true ${{ warm }}'
        [tasks.warm]
        run = 'true'",
    );
    // `late` reads what comes after `early` in call order
    assert_eq!(before(&plan, "early[1]"), ["fill"]);
    assert_eq!(before(&plan, "late[0]"), ["join of state", "seed"]);
    assert_eq!(before(&plan, "look"), ["join of state"]);
    assert_eq!(plan.joins.len(), 2);
    assert_eq!(plan.graph.edge_count(), 1 + 2 + 2 + (3 + 2) + (5 + 1));
    assert_eq!(
        call_order(&plan),
        ["fill", "early[0]", "early[1]", "warm", "seed", "late[0]", "late[1]", "look"]
    );
}

#[test]
fn mutators_of_different_places_run_side_by_side() {
    let plan = plan(
        "
        [data]
        state = { a = {}, b = {} }
        [tasks.one]
        for = { i = 'range(2)' }
        run = 'true'
        mutates = ['state.a']
        [tasks.other]
        for = { i = ['a', 'b'] }
        run = 'true'
        mutates = ['state[i]']",
    );
    assert_eq!(before(&plan, "other[b]"), Vec::<String>::new());
    assert_eq!(before(&plan, "other[a]"), ["join of state.a"]);
}

#[test]
fn a_position_in_a_key_is_equal_to_the_text_that_looks_like_it() {
    refused(
        "[tasks.a]\nfor = { x = [{ n = 1 }, '#0'] }\nrun = 'true'",
        &["`#0` stands twice in the list of `x`"],
    );
}

#[test]
fn an_if_leaves_doubt_only_where_fills_meet() {
    let uncertain = |fills: &str| {
        let text = format!("{GRID}fills = '{fills}'\nif = 'x > 1'\n");
        plan(&text).is_uncertain(&Name::new("d").unwrap())
    };
    assert!(!uncertain("d[x][y]") && !uncertain("d[y].at[key[0]]") && !uncertain(r#"d[x ~ "-" ~ y]"#));
    assert!(uncertain("d[x]"));
}

#[test]
fn what_comes_after_a_task_does_not_feed_it() {
    // `late` fills what `first` reads, and comes after it: it is no reason for `other` to come first
    let plan = plan(
        "
        [tasks.first]
        run = 'true'
        stdin = '${{ more | default(0) }}'
        fills = 'log[]'
        [tasks.late]
        run = 'true'
        stdin = '${{ log }}'
        fills = 'more'
        after = ['first']
        [tasks.other]
        run = 'true'
        fills = 'log[]'",
    );
    assert_eq!(call_order(&plan), ["first", "other", "late"]);
}
