//! Plans that are taken and plans that are refused.

use super::*;

#[test]
fn the_documented_example_is_a_plan_with_every_kind() {
    let plan = Plan::parse(include_str!("../../../../docs/examples/faults.toml")).unwrap();
    let mut kinds: Vec<&str> = plan.faults.iter().map(|fault| fault.name).collect();
    kinds.sort_unstable();
    let mut all = kinds::names();
    all.sort_unstable();
    assert_eq!(kinds, all);
    let document = include_str!("../../../../docs/sandbox.md");
    for kind in all {
        assert!(document.contains(&format!("\n| `{kind}` | ")), "docs/sandbox.md says nothing of {kind}");
    }
    assert_eq!(plan.seed, Some(7));
    assert!(plan.throttle.is_some());
    let first = &plan.faults[0].limits;
    assert_eq!((first.probability, first.count, first.lasting), (0.25, Some(3), Some(Duration::from_secs(60))));
}

#[test]
fn a_plan_may_be_short() {
    for text in ["", "seed = 0", "[throttle]", "[account]", "[[fault]]\nkind = \"reply-lost\""] {
        let plan = Plan::parse(text).unwrap();
        assert_eq!(plan.text(), text);
    }
}

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    let plan = r#"
        seed = -1
        speed = 3
        [account]
        instances = "many"
        defalt_vpc = true
        [account.vcpus]
        quantum = 1
        [throttle]
        scael = 2
        [throttle.actions.RunInstance]
        maximum = 5
        [throttle.actions.DescribeImages]
        resources_maximum = 5
        [[fault]]
        kind = "eror"
        [[fault]]
        kind = "capacity"
        available = -1
        delay = "3s"
        probabilty = 0.5
        [[fault]]
        message = "x"
        [[fault]]
        kind = "slow"
        delay = "31days"
        count = 0
        [[fault]]
        kind = "az-outage"
        probability = 0.5
    "#;
    let errors = Plan::parse(plan).unwrap_err();
    for expected in [
        "seed = -1 is not a whole number from 0 to 9223372036854775807",
        "speed is not known; did you mean seed?",
        "account: invalid type: string \"many\", expected usize",
        "account: unknown field `defalt_vpc`, expected one of",
        "account.vcpus: unknown variant `quantum`, expected one of",
        "throttle: scael is not known; did you mean scale?",
        "throttle.actions: RunInstance is not known; did you mean RunInstances?",
        "throttle.actions.DescribeImages: resources_maximum does not fit here",
        "fault 1: kind = \"eror\" is not one of error, html, ",
        "az-outage; did you mean error?",
        "fault 2 (capacity): available = -1 is not a whole number from 0 to 1000",
        "fault 2 (capacity): delay does not fit here",
        "fault 2 (capacity): probabilty is not known; did you mean probability?",
        "fault 3: kind is missing",
        "fault 4 (slow): delay = \"31days\" is not a duration longer than 0 and of at most 30 days",
        "fault 4 (slow): count = 0 is not a whole number",
        "fault 5 (az-outage): zones is missing",
        "fault 5 (az-outage): probability does not fit here",
    ] {
        assert!(errors.errors().iter().any(|error| error.contains(expected)), "{expected}\n{errors}");
    }
    assert_eq!(errors.errors().len(), 17, "{errors}");
}

#[test]
fn every_value_is_checked() {
    for (fault, expected) in [
        ("kind = \"error\"", "code is missing"),
        ("kind = \"error\"\ncode = \"No code\"", "is not an error code"),
        ("kind = \"error\"\ncode = \"X\"\nstatus = 200", "status = 200"),
        ("kind = \"error\"\ncode = \"\"", "code = "),
        ("kind = \"html\"\nstatus = \"502\"", "status = "),
        ("kind = \"stale-read\"", "by is missing"),
        ("kind = \"stale-read\"\nby = \"0s\"", "by = "),
        ("kind = \"stale-read\"\nby = \"5s\"\nactions = [\"RunInstances\"]", "does not happen to RunInstances"),
        ("kind = \"short-page\"\nitems = 1.5", "items = 1.5"),
        ("kind = \"invisible\"\nleast = \"2s\"\nmost = \"1s\"", "least is longer than most"),
        ("kind = \"invisible\"\nmost = \"1s\"\nactions = [\"StopInstances\"]", "StopInstances"),
        ("kind = \"immediate-termination\"", "cause is missing"),
        ("kind = \"immediate-termination\"\ncause = \"kmz\"", "did you mean kms?"),
        ("kind = \"checks-fail\"\ncheck = \"attached-ebss\"", "did you mean attached-ebs?"),
        ("kind = \"checks-fail\"\nconsole = \"kernel-panik\"", "did you mean kernel-panic?"),
        ("kind = \"checks-fail\"\ncheck = \"system\"\nconsole = \"network\"", "console is of the instance check only"),
        ("kind = \"impaired-later\"", "at is missing"),
        ("kind = \"slow-boot\"\nfactor = 0.5", "factor = 0.5"),
        ("kind = \"slow-boot\"\nfactor = nan", "factor = nan"),
        (
            "kind = \"scheduled-event\"\ncode = \"instance-stop\"\nnot_before = \"2h\"\nnot_after = \"1h\"",
            "longer than",
        ),
        ("kind = \"denied\"\nactions = [\"RunInstance\"]", "did you mean RunInstances?"),
        ("kind = \"denied\"\nactions = \"RunInstances\"", "is not a list"),
        ("kind = \"denied\"\nactions = []", "is not a list"),
        ("kind = \"denied\"\nregions = [\"Nowhere!\"]", "is not the name of a Region"),
        ("kind = \"denied\"\nimages = [\"ami-x\"]", "is not the id of an image"),
        ("kind = \"denied\"\nprobability = 1.1", "probability = 1.1"),
        ("kind = \"denied\"\nafter = 10", "after = 10"),
        ("kind = \"denied\"\nfor = \"0s\"", "for = "),
        ("kind = 7", "kind = 7"),
    ] {
        let errors = Plan::parse(&format!("[[fault]]\n{fault}\n")).unwrap_err();
        assert!(errors.errors().len() == 1 && errors.errors()[0].contains(expected), "{fault}: {errors}");
        assert!(errors.errors()[0].starts_with("fault 1"), "{errors}");
    }
    for (plan, expected) in [
        ("seed = 1\nseed = 2".to_owned(), "line 2: "),
        ("fault = 3".to_owned(), "fault = 3 is not a list of tables"),
        (format!("# {}", "x".repeat(PLAN_BYTES_MAX)), "more than 65536"),
        ("[[fault]]\nkind = \"denied\"\n".repeat(FAULTS_MAX + 1), "more than 1000"),
    ] {
        let errors = Plan::parse(&plan).unwrap_err();
        assert!(errors.errors()[0].contains(expected), "{errors}");
    }
}

#[test]
fn a_plan_without_end_is_refused_like_any_other() {
    let deep = 20_000;
    for plan in [
        format!("a = {}", "[".repeat(deep)),
        format!("a = {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("a = {}", "{a = ".repeat(deep / 2)),
        format!("a{} = 1", ".a".repeat(deep)),
        format!("[a{}]", ".a".repeat(deep)),
        format!("seed{} = 1", ".a".repeat(deep)),
        format!("account{} = 1", ".a".repeat(deep)),
    ] {
        // On a stack as small as those of the threads that answer.
        let refused = std::thread::spawn(move || Plan::parse(&plan).is_err()).join();
        assert!(refused.unwrap());
    }
}
