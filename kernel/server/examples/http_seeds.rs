//! Writes requests as a beginning for the fuzz target `http`: `http_seeds FOLDER`.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: http_seeds FOLDER")?);
    std::fs::create_dir_all(&folder)?;
    let requests = ring0_server::fake::requests();
    for (number, request) in requests.iter().enumerate() {
        // The target's first two bytes choose how the rest is cut.
        let two = requests.get((number + 1) % requests.len()).map_or("", String::as_str);
        std::fs::write(folder.join(format!("request-{number}")), format!("\x07\x03{request}"))?;
        std::fs::write(folder.join(format!("requests-{number}")), format!("\x11\x50{request}{two}"))?;
    }
    println!("{} seeds in {}", 2 * requests.len(), folder.display());
    Ok(())
}
