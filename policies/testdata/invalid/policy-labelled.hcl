policy "cheap" {
}
