pub fn swap(pair: (i64, i64)) -> (i64, i64) {
    pair
}

#[cfg(test)]
mod tests;
