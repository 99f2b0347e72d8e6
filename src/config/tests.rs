//! Files and values that are taken, and those that are refused.

use super::*;

#[test]
fn a_file_says_only_what_differs() {
    let config: Config = toml::from_str(
        r#"
        listen = "0.0.0.0:7000"
        regions = ["us-east-1", "eu-central-1"]
        drain_deadline = "5s"
        log_format = "json"
        policy = "launches.cedar"

        [tls]
        cert = "server.pem"
        key = "server.key"

        [sandbox]
        speed = 60.0
        faults = "faults.toml"
        "#,
    )
    .unwrap();
    let expected = Config {
        listen: "0.0.0.0:7000".parse().unwrap(),
        regions: vec!["us-east-1".parse().unwrap(), "eu-central-1".parse().unwrap()],
        drain_deadline: Duration::from_secs(5),
        log_format: LogFormat::Json,
        policy: Some(PolicySource::File("launches.cedar".into())),
        tls: Some(TlsConfig { cert: "server.pem".into(), key: "server.key".into(), client_ca: None }),
        sandbox: Some(SandboxConfig { speed: 60.0, faults: Some("faults.toml".into()), ..SandboxConfig::default() }),
        ..Config::default()
    };
    assert_eq!(config, expected);
    config.check().unwrap();
}

#[test]
fn misspelt_and_malformed_settings_are_refused() {
    for bad in [
        "lisen = '127.0.0.1:1'",
        "listen = 'here'",
        "regions = ['US EAST']",
        "drain_deadline = 'soon'",
        "drain_deadline = 5",
        "log_format = 'xml'",
        "[tls]\ncert = 'a.pem'",
        "[sandbox]\nfault = 'x'",
    ] {
        assert!(toml::from_str::<Config>(bad).is_err(), "{bad}");
    }
}

#[test]
fn plaintext_leaves_loopback_only_when_told_to() {
    let tls = TlsConfig { cert: "c".into(), key: "k".into(), client_ca: None };
    for (listen, tls, insecure_plaintext, accepted) in [
        ("127.0.0.1:0", None, false, true),
        ("[::1]:0", None, false, true),
        ("0.0.0.0:1", None, false, false),
        ("[::]:1", None, false, false),
        ("10.0.0.1:1", None, true, true),
        ("0.0.0.0:1", Some(tls), false, true),
    ] {
        let listen = listen.parse().unwrap();
        let config = Config { listen, tls, insecure_plaintext, ..Config::default() };
        assert_eq!(config.check().is_ok(), accepted, "{config:?}");
    }
}

#[test]
fn numbers_that_cannot_be_meant_are_refused() {
    let drain_deadline = DRAIN_DEADLINE_MAX + Duration::from_secs(1);
    assert!(Config { drain_deadline, ..Config::default() }.check().is_err());
    assert!(Config { owners: Vec::new(), ..Config::default() }.check().is_err());
    assert!(Config { crawl_images_max: 0, ..Config::default() }.check().is_err());
    assert!(Config { crawl_period: Duration::from_secs(1), ..Config::default() }.check().is_err());
    assert!(Config { refresh_period: Duration::MAX, ..Config::default() }.check().is_err());
    for console_retention in [Duration::ZERO, CONSOLE_RETENTION_MAX + Duration::from_secs(1)] {
        assert!(Config { console_retention, ..Config::default() }.check().is_err());
    }
    let put_back_with_it = Some("gantry-data/checkpoint".into());
    let audit = AuditConfig { checkpoint_copy: put_back_with_it, ..AuditConfig::default() };
    assert!(Config { audit, ..Config::default() }.check().is_err());
    Config::default().check().unwrap();

    let (images, speed) = (SANDBOX_IMAGES_DEFAULT, SANDBOX_SPEED_DEFAULT);
    for (images, speed, accepted) in [
        (images, speed, true),
        (SANDBOX_IMAGES_MIN, SANDBOX_SPEED_MAX, true),
        (SANDBOX_IMAGES_MAX, f64::MIN_POSITIVE, true),
        (SANDBOX_IMAGES_MIN - 1, speed, false),
        (SANDBOX_IMAGES_MAX + 1, speed, false),
        (images, 0.0, false),
        (images, -1.0, false),
        (images, f64::NAN, false),
        (images, f64::INFINITY, false),
    ] {
        let sandbox = Some(SandboxConfig { images, speed, ..SandboxConfig::default() });
        let config = Config { sandbox, ..Config::default() };
        assert_eq!(config.check().is_ok(), accepted, "{config:?}");
    }
}
