# a file that holds only a comment
