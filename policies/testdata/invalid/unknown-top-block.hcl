polciy {
}
