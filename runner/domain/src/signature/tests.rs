use proptest::prelude::*;

use super::*;
use crate::declare::SigningKey;

const KEY: SigningKey = SigningKey::Issued;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect()
}

fn check(
    scheme: &Signature,
    key: &str,
    pairs: &[(&str, &str)],
    body: &str,
    seconds: i64,
) -> Result<(), Refusal> {
    verify(
        scheme,
        &[Secret::new(key)],
        &headers(pairs),
        body.as_bytes(),
        at(seconds),
    )
}

fn generic(digest: HmacDigest, encoding: SignatureEncoding, template: &str) -> Signature {
    Signature::Hmac {
        key: KEY,
        header: "X-Signature".to_owned(),
        digest,
        encoding,
        prefix: String::new(),
        template: template.to_owned(),
        timestamp_header: template
            .contains("{timestamp}")
            .then(|| "X-Time".to_owned()),
    }
}

const STANDARD: Signature = Signature::StandardWebhooks { key: KEY };
const GITHUB: Signature = Signature::Github { key: KEY };
const STRIPE: Signature = Signature::Stripe { key: KEY };
const SHOPIFY: Signature = Signature::Shopify { key: KEY };
const SLACK: Signature = Signature::Slack { key: KEY };

/// The example of the Standard Webhooks specification.
const STANDARD_KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const STANDARD_BODY: &str = r#"{"test": 2432232314}"#;
const STANDARD_TIME: i64 = 1_614_265_330;
const STANDARD_SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn standard(signature: &str) -> Vec<(&'static str, String)> {
    vec![
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned()),
        ("webhook-timestamp", STANDARD_TIME.to_string()),
        ("webhook-signature", signature.to_owned()),
    ]
}

fn check_standard(key: &str, signature: &str, seconds: i64) -> Result<(), Refusal> {
    let pairs = standard(signature);
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (*n, v.as_str())).collect();
    check(&STANDARD, key, &pairs, STANDARD_BODY, seconds)
}

#[test]
fn the_standard_webhooks_example_is_verified_with_and_without_the_keys_prefix() {
    for key in [STANDARD_KEY, &STANDARD_KEY["whsec_".len()..]] {
        assert_eq!(
            check_standard(key, STANDARD_SIGNATURE, STANDARD_TIME),
            Ok(())
        );
    }
}

#[test]
fn one_good_signature_among_several_is_enough() {
    let several = format!("v1a,AAAA v1,AAAA v2,what-comes {STANDARD_SIGNATURE}");
    assert_eq!(
        check_standard(STANDARD_KEY, &several, STANDARD_TIME),
        Ok(())
    );
    let too_many = format!("{}{STANDARD_SIGNATURE}", "v1,AAAA ".repeat(MAX_SIGNATURES));
    assert_eq!(
        check_standard(STANDARD_KEY, &too_many, STANDARD_TIME),
        Err(Refusal::Mismatch)
    );
}

#[test]
fn an_asymmetric_signature_is_verified_with_the_public_key() {
    // Made with OpenSSL, with the first key of RFC 8032.
    let public = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let private = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    let made = "v1a,//eaJKtnMV+usFgciXzBMCP6SbWzd+7h1Mlelf2rfvpfn6wDeBL0QcvSjECv+yet1miky+RleiKxE4zmhMhhDg==";
    let pairs = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", made),
    ];
    let body = r#"{"test": 1}"#;
    for key in [public, private] {
        assert_eq!(check(&STANDARD, key, &pairs, body, STANDARD_TIME), Ok(()));
    }
    assert_eq!(
        check(&STANDARD, public, &pairs, "{}", STANDARD_TIME),
        Err(Refusal::Mismatch)
    );
    let signed = sign(
        &STANDARD,
        &Secret::new(private),
        body.as_bytes(),
        at(STANDARD_TIME),
        "msg_1",
    );
    assert_eq!(signed.unwrap()[2].1, made);
    assert_eq!(
        sign(&STANDARD, &Secret::new(public), b"", at(0), "1"),
        Err(KeyError::PublicOnly)
    );
}

#[test]
fn githubs_example_is_verified() {
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let key = "It's a Secret to Everybody";
    let sent = [("X-Hub-Signature-256", signature)];
    assert_eq!(check(&GITHUB, key, &sent, "Hello, World!", 0), Ok(()));
    let signed = sign(&GITHUB, &Secret::new(key), b"Hello, World!", at(0), "72d3");
    assert_eq!(
        signed.unwrap(),
        [
            ("x-github-delivery".to_owned(), "72d3".to_owned()),
            ("x-hub-signature-256".to_owned(), signature.to_owned()),
        ]
    );
}

#[test]
fn slacks_example_is_verified() {
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let sent = [
        ("X-Slack-Request-Timestamp", "1531420618"),
        (
            "X-Slack-Signature",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        ),
    ];
    let key = "8f742231b10e8888abcd99yyyzzz85a5";
    assert_eq!(check(&SLACK, key, &sent, body, 1_531_420_618), Ok(()));
}

/// Stripe and Shopify publish no example: these were made with another implementation of HMAC.
#[test]
fn what_another_implementation_signed_for_stripe_and_shopify_is_verified() {
    let signature = "799c4ba7bb339f3c8601adfd112f0e477c930a268be1243d341abb8286501c2f";
    let body = r#"{"id":"evt_1"}"#;
    for header in [
        format!("t=1492774577,v1={signature}"),
        format!("t=1492774577,v1={},v1={signature},v0=zz", "00".repeat(32)),
    ] {
        let sent = [("Stripe-Signature", header.as_str())];
        let verified = check(&STRIPE, "whsec_test_secret", &sent, body, 1_492_774_577);
        assert_eq!(verified, Ok(()), "{header}");
    }
    let sent = [(
        "X-Shopify-Hmac-Sha256",
        "plW8VGqq0nDMIEhDqaNNW99asdUCy7EIqLZVcQwtAZ0=",
    )];
    assert_eq!(
        check(&SHOPIFY, "shop-secret", &sent, r#"{"id":1}"#, 0),
        Ok(())
    );
}

#[test]
fn a_declared_hmac_is_verified_in_each_digest_and_encoding() {
    let sha512 = generic(
        HmacDigest::Sha512,
        SignatureEncoding::Hex,
        "{timestamp}:{body}:end",
    );
    let sent = [
        ("x-time", "1492774577"),
        (
            "x-signature",
            "e5c2203987aeccdb01b7edc9700192367d2c9fb62088ed88fc0a38b4b1d21f54115fe2a6a0b45fbf939cfc4dbf9ab66cc3b2db208aa2cc240ecceb91ec98e266",
        ),
    ];
    let key = "k3y-k3y-k3y";
    assert_eq!(
        check(&sha512, key, &sent, r#"{"id":1}"#, 1_492_774_577),
        Ok(())
    );
    let sha1 = generic(HmacDigest::Sha1, SignatureEncoding::Base64, "{body}");
    let sent = [("x-signature", "yPNFFsDS3qSjF+cw6zwlHAPaE/0=")];
    assert_eq!(check(&sha1, key, &sent, r#"{"id":1}"#, 0), Ok(()));
}

#[test]
fn a_template_fills_in_no_more_than_it_names() {
    let parts = |template| filled(template, "7", b"{timestamp}").concat();
    assert_eq!(parts("{body}.{timestamp}"), b"{timestamp}.7");
    assert_eq!(parts("a{b}{body"), b"a{b}{body");
    assert_eq!(parts(""), b"");
}

#[test]
fn each_fault_of_a_request_is_told() {
    let time = STANDARD_TIME;
    let missing = |name: &str| Err(Refusal::Missing(name.to_owned()));
    let malformed = |name: &str| Err(Refusal::Malformed(name.to_owned()));
    let hex = "00".repeat(32);
    let stripe = |text: &str| check(&STRIPE, "k", &[("stripe-signature", text)], "", time);
    let github = |text: &str| check(&GITHUB, "k", &[("x-hub-signature-256", text)], "", time);

    assert_eq!(
        check(&GITHUB, "k", &[], "", time),
        missing("x-hub-signature-256")
    );
    let twice = [
        ("x-hub-signature-256", "sha256=00"),
        ("X-Hub-Signature-256", "sha256=00"),
    ];
    assert_eq!(
        check(&GITHUB, "k", &twice, "", time),
        Err(Refusal::Repeated("x-hub-signature-256".to_owned()))
    );
    assert_eq!(github(&hex), malformed("x-hub-signature-256"));
    assert_eq!(github("sha256=0g"), malformed("x-hub-signature-256"));
    assert_eq!(github("sha256="), Err(Refusal::Mismatch));
    assert_eq!(github("sha256=00"), Err(Refusal::Mismatch));
    assert_eq!(github(&format!("sha256={hex}")), Err(Refusal::Mismatch));

    for text in [
        "",
        "t",
        "v1=00",
        "t=x,v1=00",
        "t=-5,v1=00",
        "t=+1614265330,v1=00",
        "t=1614265330,t=1614265330,v1=00",
        "t=1614265330,v1=xx",
        "t=99999999999999999999,v1=00",
    ] {
        assert_eq!(stripe(text), malformed("stripe-signature"), "{text}");
    }
    assert_eq!(
        stripe(&format!("t={time},v1={hex}")),
        Err(Refusal::Mismatch)
    );
    assert_eq!(stripe(&format!("t={time}")), Err(Refusal::Mismatch));

    assert_eq!(
        check(&SLACK, "k", &[("x-slack-signature", "v0=00")], "", time),
        missing("x-slack-request-timestamp")
    );
    let without_id = [
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,AA=="),
    ];
    assert_eq!(
        check(&STANDARD, STANDARD_KEY, &without_id, "", time),
        missing("webhook-id")
    );
    for text in ["v1", "v1,*", "g0hM9SsE"] {
        assert_eq!(
            check_standard(STANDARD_KEY, text, time),
            malformed("webhook-signature"),
            "{text}"
        );
    }
    assert_eq!(
        check_standard(STANDARD_KEY, "v3,AAAA", time),
        Err(Refusal::Mismatch)
    );
    let binary = vec![("x-shopify-hmac-sha256".to_owned(), vec![0xff])];
    assert_eq!(
        verify(&SHOPIFY, &[Secret::new("k")], &binary, b"", at(0)),
        malformed("x-shopify-hmac-sha256")
    );
}

#[test]
fn a_time_of_300_s_either_way_is_allowed_and_no_more() {
    for (apart, allowed) in [(-301, false), (-300, true), (300, true), (301, false)] {
        let verified = check_standard(STANDARD_KEY, STANDARD_SIGNATURE, STANDARD_TIME + apart);
        let expected = if allowed {
            Ok(())
        } else {
            Err(Refusal::Untimely {
                signed_at: STANDARD_TIME as u64,
            })
        };
        assert_eq!(verified, expected, "{apart} s");
    }
}

#[test]
fn keys_that_anybody_could_guess_or_nobody_could_have_are_refused() {
    let sent = [("x-hub-signature-256", "sha256=00")];
    let refused = |key| Err(Refusal::Key(key));
    assert_eq!(
        check(&GITHUB, "", &sent, "", 0),
        refused(KeyError::Empty),
        "an empty key"
    );
    for (key, error) in [
        ("whsec_", KeyError::Empty),
        ("whsec_*", KeyError::NotBase64),
        ("not base64!", KeyError::NotBase64),
        ("whpk_AAAA", KeyError::BadLength),
        ("whsk_AAAA", KeyError::BadLength),
    ] {
        assert_eq!(
            check_standard(key, STANDARD_SIGNATURE, STANDARD_TIME),
            refused(error),
            "{key}"
        );
    }
}

#[test]
fn without_a_key_nothing_that_is_signed_passes() {
    for scheme in schemes() {
        let signed = sign(
            &scheme,
            &Secret::new(STANDARD_KEY),
            b"{}",
            at(STANDARD_TIME),
            "1",
        );
        let signed = bytes(signed.unwrap());
        assert_eq!(
            verify(&scheme, &[], &signed, b"{}", at(STANDARD_TIME)),
            Err(Refusal::Mismatch)
        );
    }
    assert_eq!(verify(&Signature::None, &[], &[], b"", at(0)), Ok(()));
}

fn bytes(pairs: Vec<(String, String)>) -> Vec<(String, Vec<u8>)> {
    pairs
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()))
        .collect()
}

/// Every scheme that signs.
fn schemes() -> Vec<Signature> {
    let mut schemes = vec![STANDARD, GITHUB, STRIPE, SHOPIFY, SLACK];
    for digest in [HmacDigest::Sha1, HmacDigest::Sha256, HmacDigest::Sha512] {
        for encoding in [SignatureEncoding::Hex, SignatureEncoding::Base64] {
            schemes.push(generic(digest, encoding, "{timestamp}.{body}"));
        }
    }
    schemes
}

proptest! {
    #[test]
    fn what_is_signed_is_verified_and_no_flipped_bit_is(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        key in proptest::collection::vec(any::<u8>(), 1..64),
        asymmetric in any::<bool>(),
        seconds in 0_i64..4_000_000_000,
        flip in any::<proptest::sample::Index>(),
    ) {
        for scheme in schemes() {
            let key = match &scheme {
                Signature::StandardWebhooks { .. } if asymmetric => {
                    let mut seed = key.clone();
                    seed.resize(32, 0);
                    format!("whsk_{}", key::to_base64(&seed))
                }
                _ => format!("whsec_{}", key::to_base64(&key)),
            };
            let keys = [Secret::new("b3RoZXIta2V5"), Secret::new(key)];
            let signed = bytes(sign(&scheme, &keys[1], &body, at(seconds), "id-1").unwrap());
            prop_assert_eq!(verify(&scheme, &keys, &signed, &body, at(seconds)), Ok(()));
            prop_assert_eq!(
                verify(&scheme, &keys[..1], &signed, &body, at(seconds)),
                Err(Refusal::Mismatch)
            );

            let mut other = body.clone();
            other.push(b'x');
            let bit = flip.index(other.len() * 8);
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify(&scheme, &keys, &signed, &other, at(seconds)).is_err());

            // In the signature's text, letters that mean the same byte are not another signature.
            let mut changed = signed.clone();
            let text = changed
                .iter_mut()
                .find(|(name, _)| name.contains("signature") || name.contains("hmac"))
                .map(|(_, value)| value);
            let text = text.unwrap();
            let bit = flip.index(text.len() * 8);
            text[bit / 8] ^= 1 << (bit % 8);
            let verified = verify(&scheme, &keys, &changed, &body, at(seconds));
            prop_assert!(verified.is_err() || same(&signed, &changed), "{:?}", changed);
        }
    }
}

/// Returns whether two sets of headers differ in the case of hexadecimal digits alone.
fn same(a: &[(String, Vec<u8>)], b: &[(String, Vec<u8>)]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.1.eq_ignore_ascii_case(&b.1))
}
