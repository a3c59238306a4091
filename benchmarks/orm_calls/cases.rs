/// Prints what came of a case, a line each.
pub fn tell(name: &str, told: Result<String, Box<dyn std::error::Error>>) {
    let told = match told {
        Ok(told) => told,
        Err(error) => format!("returns an error: {}", error.to_string().replace(['"', '\n'], "'")),
    };
    println!("{{\"case\": \"{name}\", \"told\": \"{told}\"}}");
}

/// The statement that names a case.
pub fn marked(name: &str) -> String {
    format!("UPDATE orders SET status = 'unpaid', version = 1 /* case {name} */")
}

/// What is told to the second of two who made one call.
pub fn second(told: Result<(), Box<dyn std::error::Error>>) -> String {
    match told {
        Ok(()) => "the second is told nothing".into(),
        Err(error) => format!("the second: {error}"),
    }
}
