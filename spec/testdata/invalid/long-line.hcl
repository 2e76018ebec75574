service "echo" {
  source {
    container {
      image = "ghcr.io/acme/echo:1.4"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 2
  }
  env = {NAME_0 = "v", NAME_1 = "v", NAME_2 = "v", NAME_3 = "v", NAME_4 = "v", NAME_5 = "v", NAME_6 = "v", NAME_7 = "v", NAME_8 = "v", NAME_9 = "v", NAME_10 = "v", NAME_11 = "v", NAME_12 = "v", NAME_13 = "v", NAME_14 = "v", NAME_15 = "v", NAME_16 = "v", NAME_17 = "v", NAME_18 = "v", NAME_19 = "v", NAME_20 = "v", NAME_21 = "v", NAME_22 = "v", NAME_23 = "v", NAME_24 = "v", NAME_25 = "v", NAME_26 = "v", NAME_27 = "v", NAME_28 = "v", NAME_29 = "v", NAME_30 = "v", NAME_31 = "v", NAME_32 = "v", NAME_33 = "v", NAME_34 = "v", NAME_35 = "v", NAME_36 = "v", NAME_37 = "v", NAME_38 = "v", NAME_39 = "v", "wrong-name" = "v", MORE_0 = "v", MORE_1 = "v", MORE_2 = "v", MORE_3 = "v", MORE_4 = "v", MORE_5 = "v", MORE_6 = "v", MORE_7 = "v", MORE_8 = "v", MORE_9 = "v", MORE_10 = "v", MORE_11 = "v", MORE_12 = "v", MORE_13 = "v", MORE_14 = "v", MORE_15 = "v", MORE_16 = "v", MORE_17 = "v", MORE_18 = "v", MORE_19 = "v", MORE_20 = "v", MORE_21 = "v", MORE_22 = "v", MORE_23 = "v", MORE_24 = "v", MORE_25 = "v", MORE_26 = "v", MORE_27 = "v", MORE_28 = "v", MORE_29 = "v", MORE_30 = "v", MORE_31 = "v", MORE_32 = "v", MORE_33 = "v", MORE_34 = "v", MORE_35 = "v", MORE_36 = "v", MORE_37 = "v", MORE_38 = "v", MORE_39 = "v"}
}
