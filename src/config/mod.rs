//! Settings: embedded defaults, then the site's file, then the environment; every problem reported in one go.

pub mod secret;
pub mod settings;

pub use settings::Settings;
