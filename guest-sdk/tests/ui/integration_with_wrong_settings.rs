use tidegate_sdk::integration;

#[integration(auth = oauth2(authorize_url = "https://a.example"))]
struct HalfOauth;

#[integration(auth = password)]
struct UnknownAuth;

#[integration]
struct Settings {
    list: Vec<String>,
    #[setting(choices("a", "b"), default = "c")]
    choice: String,
    #[setting(default = "5")]
    number: u8,
    #[setting(required)]
    optional: Option<bool>,
    #[setting(label = "Text")]
    text: String,
}

#[integration]
struct Tuple(String);

fn main() {}
